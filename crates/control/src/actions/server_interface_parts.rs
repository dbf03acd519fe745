//! Further interfaces of a server: they come without addresses, and go with those that they have.

use berth_api::v1::{
    confirm::Confirm,
    server_addresses::{CreateInterface, UpdateInterface},
};
use berth_store::{
    Tx, hypervisor_network,
    server_interface::{self, InterfaceChange, NewInterface, Settings},
};
use serde_json::{Value, json};

use super::{
    hypervisor_networks::require_usable,
    interfaces::Change,
    rules,
    server_create::{self, DRAWS},
    server_interfaces::{changed_by, shown},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

/// Interfaces of one server.
const MOST: usize = 8;

/// Answers the tag of the new interface.
pub async fn create(ctx: &Context, actor: &Actor, server_id: i64, input: CreateInterface) -> Result<String, Error> {
    actor.require(Ability::Write)?;
    if input.ip_filter.is_some() {
        actor.require(Ability::Admin)?;
    }
    let change = Change::new(ctx, actor, server_id);
    for draw in 1.. {
        let drawn = server_create::draw(ctx);
        let made = ctx.store.write_tx::<_, Error>(|tx| {
            let (change, input, drawn) = (change.clone(), input.clone(), drawn.clone());
            Box::pin(async move { insert(tx, &change, input, drawn).await })
        });
        match made.await {
            Ok(tag) => {
                ctx.nudge.notify_one();
                return Ok(format!("{tag:010}"));
            }
            Err(Error::Store(error)) if draw < DRAWS && server_create::is_taken(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Unavailable("No tag is free.".to_owned()))
}

async fn insert(tx: &Tx, change: &Change, input: CreateInterface, (tag, mac): (i64, String)) -> Result<i64, Error> {
    let locked = change.lock(tx).await?;
    let network = match input.hypervisor_network_id {
        Some(id) => hypervisor_network::by_id(tx, id).await?,
        None => None,
    };
    let network = network.filter(|network| network.hypervisor_id == locked.row.hypervisor_id);
    let mut errors = Vec::new();
    if network.is_none() {
        errors.push("The hypervisorNetworkId must be a network of the server's hypervisor.".to_owned());
    }
    if locked.interfaces.len() >= MOST {
        errors.push(format!("A server has at most {MOST} interfaces."));
    }
    rules::done(errors)?;
    let network = network.ok_or(Error::NotFound("network"))?;
    require_usable(tx, &network).await?;
    let plain = InterfaceChange {
        settings: Settings::default(),
        in_average_kbs: 0,
        out_average_kbs: 0,
        network_profile: 0,
        network_id: network.id,
        now: change.now,
    };
    let wanted = changed_by(plain, &as_change(input), network.mtu)?;
    let position = locked.interfaces.iter().map(|interface| interface.position).max().unwrap_or(0) + 1;
    let new = NewInterface {
        server_id: locked.row.id,
        network_id: network.id,
        position,
        tag,
        mac,
        in_average_kbs: wanted.in_average_kbs,
        out_average_kbs: wanted.out_average_kbs,
        network_profile: wanted.network_profile,
        firewall_enabled: false,
        settings: wanted.settings,
        now: change.now,
    };
    let made = server_interface::insert(tx, new).await?;
    change.follow(tx, &locked.row).await?;
    let mut after = shown(&wanted);
    after["tag"] = json!(tag);
    after["network"] = json!(network.name);
    change.record(tx, "create_interface", None, Some(after)).await?;
    Ok(made.tag)
}

fn as_change(input: CreateInterface) -> UpdateInterface {
    let CreateInterface {
        hypervisor_network_id: _,
        driver,
        ip_filter,
        in_average,
        out_average,
        network_profile,
        process_queues,
        mtu,
        port_isolated,
        link_up,
        in_burst,
        out_burst,
        packets_per_second,
        dhcp_v4,
        dhcp_v6,
    } = input;
    UpdateInterface {
        hypervisor_network_id: None,
        driver,
        ip_filter,
        in_average,
        out_average,
        network_profile,
        process_queues,
        mtu,
        port_isolated,
        link_up,
        in_burst,
        out_burst,
        packets_per_second,
        dhcp_v4,
        dhcp_v6,
    }
}

/// Its addresses and subnets are free again. Nothing passes it from when the node has heard of it.
pub async fn remove(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    confirm: Confirm,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let change = Change::new(ctx, actor, server_id);
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, reference) = (change.clone(), reference.to_owned());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let row = locked.at(&reference)?;
            rules::confirmed(confirm)?;
            if row.is_primary {
                return Err(Error::invalid("The primary interface of a server can't be removed."));
            }
            server_interface::remove(tx, row.id, change.now).await?;
            change.follow(tx, &locked.row).await?;
            let before: Value = json!({ "tag": row.tag, "mac": row.mac, "name": row.name });
            change.record(tx, "remove_interface", Some(before), None).await
        })
    });
    removed.await?;
    ctx.nudge.notify_one();
    Ok(())
}
