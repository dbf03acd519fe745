//! Further MAC addresses of a server's interfaces, for guests that it runs itself: an address that has one is used under
//! it and under no other.

use berth_api::v1::interface_mac::SetMac;
use berth_store::{
    Tx,
    entity::{ipv4_address as ipv4_entity, ipv6_subnet as ipv6_entity, server_interface},
    extra_mac::{self, Holder},
    ipv4_address, ipv6_subnet,
};
use serde_json::json;

use super::{interfaces::Change, server_create::MAC_PREFIX};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    ipam,
};

pub const ADDRESS: &str = "address";
pub const SUBNET: &str = "subnet";
/// MAC addresses of one interface besides its own.
const MOST: usize = 16;
/// Devices of guests on their nodes have these.
const NODES_OWN: u8 = 0xfe;

/// An interface with everything that it has a MAC address for.
pub struct Shown {
    pub interface: server_interface::Model,
    pub ipv4: Vec<ipv4_entity::Model>,
    pub ipv6: Vec<ipv6_entity::Model>,
}

pub async fn list(ctx: &Context, actor: &Actor, (server_id, reference): (i64, &str)) -> Result<Shown, Error> {
    let details = super::server_interfaces::one(ctx, actor, server_id, reference).await?;
    let ipv4 = details.ipv4.into_iter().map(|(row, _)| row).collect();
    let ipv6 = details.ipv6.into_iter().map(|(row, _)| row).collect();
    Ok(Shown { interface: details.interface, ipv4, ipv6 })
}

/// The node's filters follow at once.
pub async fn set(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    holder: Holder,
    input: SetMac,
) -> Result<Shown, Error> {
    actor.require(Ability::Write)?;
    let wanted = input.mac.ok_or_else(|| Error::invalid("The mac must be there: a MAC address, or null."))?;
    let mac = wanted.as_deref().map(parse).transpose()?;
    let change = Change::new(ctx, actor, server_id);
    let written = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, reference, mac) = (change.clone(), reference.to_owned(), mac.clone());
        Box::pin(async move { write(tx, &change, &reference, holder, mac.as_deref()).await })
    });
    written.await.map_err(taken)?;
    ctx.nudge.notify_one();
    list(ctx, actor, (server_id, reference)).await
}

async fn write(tx: &Tx, change: &Change, reference: &str, holder: Holder, mac: Option<&str>) -> Result<(), Error> {
    let locked = change.lock(tx).await?;
    let interface = locked.at(reference)?;
    let (what, before) = held(tx, interface.id, holder).await?;
    if before.as_deref() == mac {
        return Ok(());
    }
    extra_mac::set(tx, interface.id, holder, mac, change.now).await?;
    if extra_mac::of_interface(tx, interface.id).await?.len() > MOST {
        return Err(Error::invalid(format!(
            "The mac is one too many: an interface has at most {MOST} besides its own."
        )));
    }
    change.follow(tx, &locked.row).await?;
    let told = |mac: Option<&str>| json!({ "interface": interface.tag, "address": what, "mac": mac });
    change.record(tx, "set_address_mac", Some(told(before.as_deref())), Some(told(mac))).await
}

/// The address as text, and under which MAC address it is used now.
async fn held(tx: &Tx, interface_id: i64, holder: Holder) -> Result<(String, Option<String>), Error> {
    match holder {
        Holder::Ipv4(id) => {
            let rows = ipv4_address::of_interface(tx, interface_id).await?;
            let row = rows.into_iter().find(|row| row.id == id).ok_or(Error::NotFound(ADDRESS))?;
            Ok((ipam::ipv4(row.address).to_string(), row.mac))
        }
        Holder::Ipv6(id) => {
            let rows = ipv6_subnet::of_interface(tx, interface_id).await?;
            let row = rows.into_iter().find(|row| row.id == id).ok_or(Error::NotFound(SUBNET))?;
            Ok((format!("{}/{}", row.subnet, row.prefix_len), row.mac))
        }
    }
}

/// In small letters with colons. Interfaces' own are drawn from a range that nobody else's are of.
fn parse(text: &str) -> Result<String, Error> {
    let refused = || {
        Error::invalid(format!(
            "The mac must be six pairs of hexadecimal digits, a locally administered unicast address (its second digit is \
             2, 6, A or E) that does not begin with {MAC_PREFIX} or {NODES_OWN:02x}."
        ))
    };
    let parts: Vec<&str> = text.trim().split([':', '-']).collect();
    let is_pair = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if parts.len() != 6 || !parts.iter().all(is_pair) {
        return Err(refused());
    }
    let mac = parts.join(":").to_ascii_lowercase();
    let first = u8::from_str_radix(parts[0], 16).map_err(|_| refused())?;
    let is_local_unicast = first & 0b11 == 0b10;
    if !is_local_unicast || first == NODES_OWN || mac.starts_with(&MAC_PREFIX.to_ascii_lowercase()) {
        return Err(refused());
    }
    Ok(mac)
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("extra_macs", &["mac"]) => {
            Error::Conflict("The mac is of another interface already.".to_owned())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_locally_administered_unicast_addresses_of_nobody_else_are_taken() {
        assert_eq!(parse(" 02-00-5E-10-00-0a ").unwrap(), "02:00:5e:10:00:0a");
        for first in ["02", "a6", "0A", "EE"] {
            assert!(parse(&format!("{first}:00:00:00:00:01")).is_ok(), "{first}");
        }
        for wrong in [
            "",
            "02:00:5e:10:00",
            "02:00:5e:10:00:0a:01",
            "2:0:5e:10:0:a",
            "+2:00:5e:10:00:0a",
            "00:00:5e:10:00:0a",
            "03:00:5e:10:00:0a",
            "ff:ff:ff:ff:ff:ff",
            "52:54:00:10:00:0a",
            "fe:54:00:10:00:0a",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
