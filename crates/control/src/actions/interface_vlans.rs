//! VLANs of a server's interfaces: one that the server does not see, or a trunk of several.

use berth_api::v1::interface_vlan::{CreateVlan, UpdateVlan};
use berth_store::{
    Tx,
    entity::{interface_vlan as entity, server_interface},
    hypervisor, hypervisor_network,
    interface_vlan::{self as store, Vlan},
};
use serde_json::{Value, json};

use super::{interfaces::Change, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub const VLAN: &str = "VLAN";
/// What 802.1Q has room for.
const IDS: std::ops::RangeInclusive<i64> = 1..=4094;
/// VLANs of one interface.
const MOST: usize = 64;
pub const UNTAGGED: &str = "untagged";
pub const TAGGED: &str = "tagged";

pub async fn list(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
) -> Result<Vec<entity::Model>, Error> {
    Ok(super::server_interfaces::one(ctx, actor, server_id, reference).await?.vlans)
}

pub async fn create(
    ctx: &Context,
    actor: &Actor,
    ends: (i64, &str),
    input: CreateVlan,
) -> Result<entity::Model, Error> {
    let CreateVlan { vlan, native_mode, trunk } = input;
    let plain = Vlan { vlan: 0, native_mode: String::new(), trunk: false };
    // One that is not there is refused as one that is wrong.
    let input = UpdateVlan { vlan: vlan.or(Some(0)), native_mode: Some(native_mode), trunk };
    let new = changed(&plain, input)?;
    act(ctx, actor, ends, Deed::Add(new)).await?.ok_or(Error::NotFound(VLAN))
}

pub async fn update(
    ctx: &Context,
    actor: &Actor,
    ends: (i64, &str),
    id: i64,
    input: UpdateVlan,
) -> Result<entity::Model, Error> {
    act(ctx, actor, ends, Deed::Change(id, input)).await?.ok_or(Error::NotFound(VLAN))
}

pub async fn remove(ctx: &Context, actor: &Actor, ends: (i64, &str), id: i64) -> Result<(), Error> {
    act(ctx, actor, ends, Deed::Remove(id)).await.map(drop)
}

#[derive(Clone)]
enum Deed {
    Add(Vlan),
    Change(i64, UpdateVlan),
    Remove(i64),
}

async fn act(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    deed: Deed,
) -> Result<Option<entity::Model>, Error> {
    actor.require(Ability::Write)?;
    let change = Change::new(ctx, actor, server_id);
    let done = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, reference, deed) = (change.clone(), reference.to_owned(), deed.clone());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let interface = locked.at(&reference)?;
            let (row, action, before, after) = carry_out(tx, &change, interface, deed).await?;
            let all = store::of_interfaces(tx, &[interface.id]).await?;
            check(&all, interface)?;
            if !all.is_empty() {
                require_vlans(tx, locked.row.hypervisor_id, interface.network_id).await?;
            }
            change.follow(tx, &locked.row).await?;
            change.record(tx, action, before, after).await?;
            Ok(row)
        })
    });
    let row = done.await.map_err(taken)?;
    ctx.nudge.notify_one();
    Ok(row)
}

type Outcome = (Option<entity::Model>, &'static str, Option<Value>, Option<Value>);

async fn carry_out(
    tx: &Tx,
    change: &Change,
    interface: &server_interface::Model,
    deed: Deed,
) -> Result<Outcome, Error> {
    let found = async |id: i64| -> Result<entity::Model, Error> {
        let all = store::of_interfaces(tx, &[interface.id]).await?;
        all.into_iter().find(|row| row.id == id).ok_or(Error::NotFound(VLAN))
    };
    let told = |row: &entity::Model| {
        let (vlan, native_mode) = (row.vlan, &row.native_mode);
        json!({ "interface": interface.tag, "vlan": vlan, "nativeMode": native_mode, "trunk": row.trunk })
    };
    match deed {
        Deed::Add(new) => {
            let row = store::insert(tx, interface.id, new, change.now).await?;
            let after = told(&row);
            Ok((Some(row), "create_vlan", None, Some(after)))
        }
        Deed::Change(id, input) => {
            let before = found(id).await?;
            let was = Vlan { vlan: before.vlan, native_mode: before.native_mode.clone(), trunk: before.trunk };
            store::update(tx, id, changed(&was, input)?).await?;
            let after = found(id).await?;
            let (was, is) = (told(&before), told(&after));
            Ok((Some(after), "update_vlan", Some(was), Some(is)))
        }
        Deed::Remove(id) => {
            let before = found(id).await?;
            store::remove(tx, id).await?;
            Ok((None, "remove_vlan", Some(told(&before)), None))
        }
    }
}

/// One VLAN by itself; every mistake at once.
fn changed(was: &Vlan, input: UpdateVlan) -> Result<Vlan, Error> {
    let UpdateVlan { vlan, native_mode, trunk } = input;
    let mut errors = Vec::new();
    let vlan = vlan.unwrap_or_else(|| was.vlan.into());
    rules::within(&mut errors, "vlan", vlan, IDS);
    let native_mode = native_mode.map_or_else(|| was.native_mode.clone(), Option::unwrap_or_default);
    if !["", UNTAGGED, TAGGED].contains(&native_mode.as_str()) {
        errors.push(format!("The nativeMode must be {UNTAGGED}, {TAGGED} or null."));
    }
    let trunk = trunk.unwrap_or(was.trunk);
    if !trunk && native_mode == TAGGED {
        errors.push(format!("The nativeMode can be {TAGGED} of a trunk only."));
    }
    rules::done(errors)?;
    Ok(Vlan { vlan: i32::try_from(vlan).unwrap_or(0), native_mode, trunk })
}

/// All of an interface together.
fn check(all: &[entity::Model], interface: &server_interface::Model) -> Result<(), Error> {
    let mut errors = Vec::new();
    if all.len() > MOST {
        errors.push(format!("An interface has at most {MOST} VLANs."));
    }
    if all.len() > 1 && all.iter().any(|row| !row.trunk) {
        errors.push("The trunk must be true of each VLAN of an interface that has several.".to_owned());
    }
    if all.iter().filter(|row| !row.native_mode.is_empty()).count() > 1 {
        errors.push("The nativeMode is another VLAN's of the interface already.".to_owned());
    }
    if interface.firewall_enabled && all.iter().any(is_tagged) {
        errors.push(
            "The trunk can't be true while the firewall of the interface is on, which judges frames without a tag."
                .to_owned(),
        );
    }
    rules::done(errors)
}

/// Whether the server's frames of it carry a tag.
pub fn is_tagged(row: &entity::Model) -> bool {
    row.trunk && row.native_mode != UNTAGGED
}

/// The node's owner gives VLANs of the network's bridge to guests.
pub async fn require_vlans(tx: &Tx, hypervisor_id: i64, network_id: i64) -> Result<(), Error> {
    let node = hypervisor::by_id(tx, hypervisor_id).await?.ok_or(Error::NotFound("hypervisor"))?;
    let network = hypervisor_network::by_id(tx, network_id).await?.ok_or(Error::NotFound("network"))?;
    let told = node.facts.get("networks").and_then(Value::as_array).cloned().unwrap_or_default();
    if told.iter().any(|of| of["bridge"] == network.bridge.as_str() && of["vlans"] == true) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "The interface can't have a VLAN: the configuration of the node's agent gives none of the bridge {}.",
        network.bridge
    )))
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("interface_vlans", &["interface_id", "vlan"]) => {
            Error::Conflict("The vlan is one of the interface already.".to_owned())
        }
        other => other,
    }
}
