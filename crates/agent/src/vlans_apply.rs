//! Puts the VLANs of [`crate::vlans`] on the ports of guests, and on the bridge's other ports, by which they leave the
//! node: look, compare, act, look again. Where the kernel's bridges know no VLANs, that is said.

use std::collections::BTreeSet;

use berth_proto::InterfaceSpec;
use serde_json::Value;

use crate::{
    net::{self, NetError},
    netns::Netns,
    vlans::{self, PortVlan},
};

/// Whether the bridge keeps VLANs apart; false also where there is no such bridge, or the kernel can't.
pub async fn is_aware(netns: &Netns, bridge: &str) -> Result<bool, NetError> {
    net::check_name(bridge)?;
    let listing = netns.cmd("ip").args(["-j", "-d", "link", "show", "dev", bridge]).run().await;
    let links = listing.map(|listing| objects(&listing.stdout)).unwrap_or_default();
    Ok(links.iter().any(|link| link["linkinfo"]["info_data"]["vlan_filtering"] == 1))
}

/// Makes a bridge keep VLANs apart; its ports stay in VLAN 1 until they are given others.
pub async fn make_aware(netns: &Netns, bridge: &str) -> Result<bool, NetError> {
    if is_aware(netns, bridge).await? {
        return Ok(false);
    }
    netns.cmd("ip").args(["link", "set", "dev", bridge, "type", "bridge", "vlan_filtering", "1"]).run().await?;
    match is_aware(netns, bridge).await? {
        true => Ok(true),
        false => Err(NetError::Refused(format!("the kernel of this node does not keep VLANs apart on {bridge}"))),
    }
}

/// Makes the port of an interface, and the way out of the node, what they should be. A port that is not there yet is made
/// right by the next look. True where something was changed.
pub async fn ensure_vlans(
    netns: &Netns,
    instance: &str,
    port: &str,
    interface: &InterfaceSpec,
) -> Result<bool, NetError> {
    let wanted = vlans::of_interface(&interface.vlans).map_err(NetError::Refused)?;
    let aware = is_aware(netns, &interface.bridge).await?;
    if !aware && interface.vlans.is_empty() {
        return Ok(false);
    }
    if !aware {
        return Err(NetError::Refused(format!(
            "the bridge {} does not keep VLANs apart on this node",
            interface.bridge
        )));
    }
    let mut changed = ensure_port(netns, port, &wanted).await?;
    for uplink in net::ports(netns, &interface.bridge).await?.into_iter().filter(|of| !is_tap(instance, of)) {
        let has = of_port(netns, &uplink).await?.unwrap_or_default();
        for vlan in interface.vlans.iter().filter(|vlan| has.iter().all(|known| known.id != vlan.id)) {
            netns.cmd("bridge").args(["vlan", "add", "dev", &uplink, "vid", &vlan.id.to_string()]).run().await?;
            changed = true;
        }
    }
    Ok(changed)
}

fn is_tap(instance: &str, port: &str) -> bool {
    port.strip_prefix(instance).is_some_and(|tag| tag.len() == 10 && tag.bytes().all(|byte| byte.is_ascii_digit()))
}

async fn ensure_port(netns: &Netns, port: &str, wanted: &BTreeSet<PortVlan>) -> Result<bool, NetError> {
    let Some(now) = of_port(netns, port).await? else { return Ok(false) };
    let commands = vlans::commands(port, &now, wanted);
    for command in &commands {
        netns.cmd("bridge").args(command).run().await?;
    }
    match of_port(netns, port).await? {
        Some(then) if then != *wanted => Err(NetError::Refused(format!(
            "the VLANs of {port} were set and are not there; something else changes them"
        ))),
        _ => Ok(!commands.is_empty()),
    }
}

/// None where there is no such port.
async fn of_port(netns: &Netns, port: &str) -> Result<Option<BTreeSet<PortVlan>>, NetError> {
    let listing = match netns.cmd("bridge").args(["-j", "vlan", "show", "dev", port]).run().await {
        Ok(listing) => listing,
        Err(error) if error.stderr().contains("Cannot find") || error.stderr().contains("does not exist") => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Some(read(&objects(&listing.stdout), port)))
}

fn read(objects: &[Value], port: &str) -> BTreeSet<PortVlan> {
    let of = objects.iter().find(|of| of["ifname"] == port).and_then(|of| of["vlans"].as_array()).into_iter().flatten();
    let has = |vlan: &Value, flag: &str| vlan["flags"].as_array().is_some_and(|flags| flags.iter().any(|f| f == flag));
    let vlans = of.filter_map(|vlan| {
        let id = u32::try_from(vlan["vlan"].as_u64()?).ok()?;
        let last = vlan["vlanEnd"].as_u64().and_then(|end| u32::try_from(end).ok()).unwrap_or(id);
        let (pvid, untagged) = (has(vlan, "PVID"), has(vlan, "Egress Untagged"));
        Some((id..=last).map(move |id| PortVlan { id, pvid, untagged }))
    });
    vlans.flatten().collect()
}

fn objects(json: &[u8]) -> Vec<Value> {
    serde_json::from_slice(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bridge_says_of_a_port_is_read_with_ranges_and_flags() {
        let json = br#"[{"ifname":"berth0000000001","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},
            {"vlan":100,"vlanEnd":101}]},{"ifname":"other","vlans":[{"vlan":7}]}]"#;
        let vlan = |id, pvid, untagged| PortVlan { id, pvid, untagged };
        let wanted = [vlan(1, true, true), vlan(100, false, false), vlan(101, false, false)];
        assert_eq!(read(&objects(json), "berth0000000001"), BTreeSet::from(wanted));
        assert_eq!(read(&objects(b"[]"), "berth0000000001"), BTreeSet::new());
        assert!(is_tap("berth", "berth0000000001") && !is_tap("berth", "berth0") && !is_tap("berth", "eth0"));
    }
}
