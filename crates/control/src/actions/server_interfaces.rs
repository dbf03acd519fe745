//! Reading and changing a server's interfaces.

use berth_api::v1::server_addresses::UpdateInterface;
use berth_store::{
    entity::server_interface as entity,
    server_details::{self, InterfaceDetails},
    server_interface::{self, InterfaceChange},
};
use serde_json::json;

use super::{
    interfaces::{self, Change, INTERFACE},
    rules,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

/// kB/s; as the operations on servers take it.
const MOST_SPEED_KBS: i64 = 999_999_999;

pub async fn all(ctx: &Context, actor: &Actor, server_id: i64) -> Result<Vec<InterfaceDetails>, Error> {
    actor.require(Ability::Read)?;
    let details = server_details::by_id(ctx.store.read(), server_id).await?.ok_or(Error::NotFound("server"))?;
    Ok(details.interfaces)
}

pub async fn one(ctx: &Context, actor: &Actor, server_id: i64, reference: &str) -> Result<InterfaceDetails, Error> {
    let all = all(ctx, actor, server_id).await?;
    let rows: Vec<_> = all.iter().map(|details| details.interface.clone()).collect();
    let id = interfaces::find(&rows, reference).ok_or(Error::NotFound(INTERFACE))?.id;
    all.into_iter().find(|details| details.interface.id == id).ok_or(Error::NotFound(INTERFACE))
}

pub async fn update(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    input: UpdateInterface,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    if input.ip_filter.is_some() {
        actor.require(Ability::Admin)?;
    }
    check(&input)?;
    let change = Change::new(ctx, actor, server_id);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, reference, input) = (change.clone(), reference.to_owned(), input.clone());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let row = locked.at(&reference)?;
            let small = |value: Option<i64>| value.and_then(|value| i32::try_from(value).ok());
            let new = InterfaceChange {
                driver: small(input.driver).or(row.driver),
                ip_filter: input.ip_filter.unwrap_or(row.ip_filter),
                in_average_kbs: input.in_average.unwrap_or(row.in_average_kbs),
                out_average_kbs: input.out_average.unwrap_or(row.out_average_kbs),
                network_profile: small(input.network_profile).unwrap_or(row.network_profile),
                now: change.now,
            };
            server_interface::update(tx, row.id, new).await?;
            change.follow(tx, &locked.row).await?;
            let after = json!({ "driver": new.driver, "ipFilter": new.ip_filter, "inAverage": new.in_average_kbs,
                "outAverage": new.out_average_kbs, "networkProfile": new.network_profile });
            change.record(tx, "update_interface", Some(shown(row)), Some(after)).await
        })
    });
    changed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

fn shown(row: &entity::Model) -> serde_json::Value {
    json!({ "driver": row.driver, "ipFilter": row.ip_filter, "inAverage": row.in_average_kbs,
            "outAverage": row.out_average_kbs, "networkProfile": row.network_profile })
}

fn check(input: &UpdateInterface) -> Result<(), Error> {
    let mut errors = Vec::new();
    for (field, value, range) in [
        ("driver", input.driver, 1..=3),
        ("inAverage", input.in_average, 0..=MOST_SPEED_KBS),
        ("outAverage", input.out_average, 0..=MOST_SPEED_KBS),
        ("networkProfile", input.network_profile, 0..=20),
    ] {
        if let Some(value) = value {
            rules::within(&mut errors, field, value, range);
        }
    }
    rules::done(errors)
}
