//! The guest's network as cloud-init's network configuration, version 2.
//!
//! Reference: <https://cloudinit.readthedocs.io/en/latest/reference/network-config-format-v2.html>. Written for what
//! both netplan and cloud-init's own renderers understand: the default route as `0.0.0.0/0`, because the word `default`
//! came late.

use std::net::IpAddr;

use berth_proto::{InterfaceSpec, ServerSpec};
use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::SeedError;

/// The whole file's content.
pub(super) fn network_config(spec: &ServerSpec) -> Result<Value, SeedError> {
    let mut ethernets = Map::new();
    // One default route of each family: a second one would make it a matter of chance which way packets leave.
    let (mut default_v4, mut default_v6) = (false, false);
    for interface in &spec.interfaces {
        let name = if interface.guest_name.is_empty() {
            format!("eth{}", ethernets.len())
        } else {
            interface.guest_name.clone()
        };
        ethernets.insert(name.clone(), ethernet(interface, &name, &mut default_v4, &mut default_v6)?);
    }
    Ok(json!({ "version": 2, "ethernets": ethernets }))
}

fn ethernet(
    interface: &InterfaceSpec,
    name: &str,
    default_v4: &mut bool,
    default_v6: &mut bool,
) -> Result<Value, SeedError> {
    let mut addresses: Vec<IpNet> = Vec::new();
    let mut gateways: Vec<(IpAddr, IpNet)> = Vec::new();
    let v4 = interface.ipv4.iter().map(|a| (&a.address, a.prefix_len, &a.gateway));
    let v6 = interface.ipv6.iter().map(|s| (&s.address, s.prefix_len, &s.gateway));
    for (address, prefix_len, gateway) in v4.chain(v6) {
        if address.is_empty() {
            continue;
        }
        let net = net(address, prefix_len)?;
        if is_another_macs(interface, net) {
            continue;
        }
        addresses.push(net);
        if !gateway.is_empty() {
            gateways.push((ip(gateway)?, net));
        }
    }
    let (mut routes, mut gateway6) = (Vec::new(), None);
    for (gateway, net) in gateways {
        let taken = if gateway.is_ipv4() { &mut *default_v4 } else { &mut *default_v6 };
        if std::mem::replace(taken, true) {
            continue;
        }
        match gateway {
            IpAddr::V6(gateway) if is_on_link(gateway.into(), net) => gateway6 = Some(gateway),
            gateway => routes.push(default_route(gateway, net)),
        }
    }
    let mut ethernet = Map::new();
    ethernet.insert("match".into(), json!({ "macaddress": interface.mac.to_ascii_lowercase() }));
    ethernet.insert("set-name".into(), json!(name));
    ethernet.insert("dhcp4".into(), json!(false));
    ethernet.insert("dhcp6".into(), json!(false));
    ethernet.insert("accept-ra".into(), json!(false));
    if interface.mtu != 0 {
        ethernet.insert("mtu".into(), json!(interface.mtu));
    }
    if !addresses.is_empty() {
        ethernet.insert("addresses".into(), json!(addresses.iter().map(IpNet::to_string).collect::<Vec<_>>()));
    }
    if let Some(gateway) = gateway6 {
        // Not as a route: cloud-init up to 22.4 makes `::/64` of `::/0` where it does not hand over to netplan.
        ethernet.insert("gateway6".into(), json!(gateway.to_string()));
    }
    if !routes.is_empty() {
        ethernet.insert("routes".into(), Value::Array(routes));
    }
    let resolvers = interface.resolvers.iter().map(|r| ip(r)).collect::<Result<Vec<_>, _>>()?;
    if !resolvers.is_empty() && !addresses.is_empty() {
        let resolvers: Vec<String> = resolvers.iter().map(IpAddr::to_string).collect();
        ethernet.insert("nameservers".into(), json!({ "addresses": resolvers }));
    }
    Ok(Value::Object(ethernet))
}

/// What is used under a further MAC address is for whoever has that.
fn is_another_macs(interface: &InterfaceSpec, net: IpNet) -> bool {
    let single = |of: &IpNet| of.addr().is_ipv4() && of.contains(&net.addr());
    let subnet = |of: &IpNet| of.addr().is_ipv6() && of.contains(&net.addr()) && of.prefix_len() == net.prefix_len();
    let networks =
        interface.macs.iter().flat_map(|extra| &extra.networks).filter_map(|text| text.parse::<IpNet>().ok());
    networks.into_iter().any(|of| single(&of) || subnet(&of))
}

fn default_route(gateway: IpAddr, net: IpNet) -> Value {
    let to = if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    let mut route = json!({ "to": to, "via": gateway.to_string() });
    // Hosters hand out single addresses whose gateway lies outside, and /64s routed by a gateway elsewhere.
    if !is_on_link(gateway, net) {
        route["on-link"] = json!(true);
    }
    route
}

fn is_on_link(gateway: IpAddr, net: IpNet) -> bool {
    net.contains(&gateway) || matches!(gateway, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn ip(text: &str) -> Result<IpAddr, SeedError> {
    text.parse().map_err(|_| SeedError(format!("{text:?} is not an IP address")))
}

fn net(address: &str, prefix_len: u32) -> Result<IpNet, SeedError> {
    let wrong = || SeedError(format!("{address:?} with the prefix length {prefix_len} is not an address"));
    IpNet::new(ip(address)?, u8::try_from(prefix_len).map_err(|_| wrong())?).map_err(|_| wrong())
}
