//! Networks besides its own addresses that an interface's filter lets through: addresses that a customer brings along.

use std::net::{IpAddr, Ipv6Addr};

use berth_api::v1::server_addresses::ServerWhitelistChange;
use berth_store::ip_whitelist;
use ipnet::IpNet;
use serde_json::json;

use super::interfaces::Change;
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

/// Networks that one interface's filter lets through.
const MOST: usize = 64;
/// The largest networks: anything more would be as good as no filter.
const SHORTEST_IPV4: u8 = 8;
const SHORTEST_IPV6: u8 = 16;

/// Lets a network through; one that is let through already is no mistake.
pub async fn add(ctx: &Context, actor: &Actor, server_id: i64, input: ServerWhitelistChange) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let net = network(&input)?;
    let change = Change::new(ctx, actor, server_id);
    let added = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, asked) = (change.clone(), input.interface.clone());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let interface = locked.named(asked.as_deref())?;
            if ip_whitelist::of_interface(tx, interface.id).await?.len() >= MOST {
                return Err(Error::invalid(format!("The whitelist of an interface has at most {MOST} networks.")));
            }
            let (family, address) = (if net.addr().is_ipv4() { 4 } else { 6 }, net.network().to_string());
            ip_whitelist::add(tx, interface.id, family, &address, net.prefix_len().into(), change.now).await?;
            change.follow(tx, &locked.row).await?;
            let after = json!({ "interface": interface.tag, "network": net });
            change.record(tx, "add_server_whitelist", None, Some(after)).await
        })
    });
    added.await?;
    ctx.nudge.notify_one();
    Ok(())
}

pub async fn remove(ctx: &Context, actor: &Actor, server_id: i64, input: ServerWhitelistChange) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let address = address(&input)?;
    let change = Change::new(ctx, actor, server_id);
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, asked) = (change.clone(), input.interface.clone());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let interface = locked.named(asked.as_deref())?;
            if ip_whitelist::remove(tx, interface.id, &address.to_string()).await? == 0 {
                return Err(Error::invalid(format!("The ip {address} is not on the interface's whitelist.")));
            }
            change.follow(tx, &locked.row).await?;
            let before = json!({ "interface": interface.tag, "ip": address });
            change.record(tx, "remove_server_whitelist", Some(before), None).await
        })
    });
    removed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

fn address(input: &ServerWhitelistChange) -> Result<IpAddr, Error> {
    let parsed = input.ip.as_deref().and_then(|text| text.trim().parse().ok());
    parsed.ok_or_else(|| Error::invalid("The ip must be an IPv4 or IPv6 address."))
}

fn network(input: &ServerWhitelistChange) -> Result<IpNet, Error> {
    let address = address(input)?;
    let (shortest, longest) = if address.is_ipv4() { (SHORTEST_IPV4, 32) } else { (SHORTEST_IPV6, 128) };
    let cidr = input.cidr.and_then(|cidr| u8::try_from(cidr).ok()).filter(|cidr| (shortest..=longest).contains(cidr));
    let net = cidr.and_then(|cidr| IpNet::new(address, cidr).ok());
    let net = net.ok_or_else(|| Error::invalid(format!("The cidr must be between {shortest} and {longest}.")))?;
    if net.addr() != net.network() {
        return Err(Error::invalid(format!("The ip must be the first address of its /{}.", net.prefix_len())));
    }
    if is_nobodys(address) {
        return Err(Error::invalid("The ip must be an address that a host can have."));
    }
    Ok(net)
}

fn is_nobodys(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[0] == 0 || address.is_loopback() || address.octets()[0] >= 224,
        IpAddr::V6(address) => {
            let link_local = Ipv6Addr::is_unicast_link_local(&address);
            link_local || address.is_multicast() || address.is_loopback() || address.is_unspecified()
        }
    }
}
