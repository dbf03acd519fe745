//! Servers that customers create by their own right: by the hour within a group profile, or within a resource pack.

use berth_api::{
    tokens::{self, DECIMALS},
    v1::{self_service::OrderServer, server_input::CreateServer},
};
use berth_store::{
    Db, Micros, Tx,
    entity::{package, server, user},
    self_service::{
        account, ledger,
        meter::{self, NewMetered},
        pack::{self, Limits, Used},
        profile, rate,
    },
    server_details::ServerDetails,
    user::Relation,
};

use super::customer;
use crate::{
    Context, Error,
    actions::{server_build::NewBuild, server_create, server_order::Plan},
    actor::{Ability, Actor},
    self_service::{follow, hours::hour_of, rating},
};

/// Of `servers.self_service`.
pub const HOURLY: i32 = 1;
pub const PACK: i32 = 2;

/// Of the profiles by which such servers are created.
pub(super) fn kind_of(self_service: i32) -> &'static str {
    if self_service == PACK { profile::RESOURCE } else { profile::HOURLY }
}

/// By which right a server is created, and what it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// 1 by the hour, 2 of a resource pack.
    pub self_service: i32,
    pub profile_id: i64,
    pub pack_id: Option<i64>,
}

/// What a server takes of its right's limits.
pub(super) struct Taken {
    pub memory_mib: i64,
    pub storage_gib: i64,
    pub cpu: i64,
    pub traffic_gb: i64,
}

/// Creates a server of a customer's; answers it whole.
pub async fn create(
    ctx: &Context,
    actor: &Actor,
    relation: &Relation,
    order: OrderServer,
) -> Result<ServerDetails, Error> {
    actor.require(Ability::Write)?;
    let owner = customer(ctx.store.read(), relation).await?;
    create_for(ctx, actor, &owner, order, None).await
}

/// As [`create`], of a customer who is known; with a build, see [`server_create::create_by`].
pub async fn create_for(
    ctx: &Context,
    actor: &Actor,
    owner: &user::Model,
    order: OrderServer,
    build: Option<NewBuild>,
) -> Result<ServerDetails, Error> {
    actor.require(Ability::Write)?;
    let right = right(ctx, owner, &order).await?;
    let OrderServer { package_id, hypervisor_id, operating_system_id, pack_id: _ } = order;
    let input = CreateServer {
        package_id,
        hypervisor_id,
        operating_system_id,
        user_id: Some(owner.id),
        ..CreateServer::default()
    };
    server_create::create_by(ctx, actor, input, right, build).await
}

/// The first of the customer's profiles that allows it.
async fn right(ctx: &Context, owner: &user::Model, order: &OrderServer) -> Result<Right, Error> {
    let db = ctx.store.read();
    let self_service = if order.pack_id.is_some() { PACK } else { HOURLY };
    if owner.self_service & self_service == 0 {
        let what = if self_service == PACK { "of resource packs" } else { "by the hour" };
        return Err(Error::invalid(format!("The user may not create servers {what}.")));
    }
    if let Some(id) = order.pack_id {
        let theirs = pack::of_user_by_id(db, id).await?.filter(|pack| pack.user_id == owner.id);
        theirs.ok_or_else(|| {
            Error::invalid(format!("The packId must be a resource pack of the user's: {id} is none."))
        })?;
    }
    let profiles = profile::of_users(db, kind_of(self_service), &[owner.id]).await?;
    let enabled: Vec<_> = profiles.into_iter().map(|(_, row)| row).filter(|row| row.enabled).collect();
    let ids: Vec<i64> = enabled.iter().map(|row| row.id).collect();
    let template = order.operating_system_id.filter(|id| *id != 0);
    let mut reasons = vec!["No group profile of the user's allows this package in this hypervisor group.".to_owned()];
    for (row, allowed) in enabled.iter().zip(profile::allowed(db, &ids).await?) {
        let has = |list: &[i64], id: Option<i64>| id.is_some_and(|id| list.contains(&id));
        if !has(&allowed.packages, order.package_id) || !has(&allowed.groups, order.hypervisor_id) {
            continue;
        }
        if template.is_some() && !allowed.templates.is_empty() && !has(&allowed.templates, template) {
            reasons.push(format!("The profile {} does not allow the operating system template.", row.name));
            continue;
        }
        if full(db, owner.id, row.id, row.max_servers).await? {
            reasons.push(format!("The profile {} allows {} servers.", row.name, row.max_servers));
            continue;
        }
        return Ok(Right { self_service, profile_id: row.id, pack_id: order.pack_id });
    }
    let last = reasons.pop().unwrap_or_default();
    Err(Error::invalid(last))
}

async fn full(db: &impl Db, user_id: i64, profile_id: i64, most: i64) -> Result<bool, Error> {
    Ok(most > 0 && profile::servers(db, user_id, profile_id).await? >= most.unsigned_abs())
}

/// In the transaction that creates the server: counted again, under the lock of the customer's account.
pub(crate) async fn check_in(
    tx: &Tx,
    right: &Right,
    owner: &user::Model,
    package: &package::Model,
    plan: &Plan,
    now: Micros,
) -> Result<(), Error> {
    let account = account::lock(tx, owner.id, now).await?;
    let profile = profile::by_id(tx, kind_of(right.self_service), right.profile_id).await?.filter(|row| row.enabled);
    let profile = profile.ok_or_else(|| Error::invalid("The user's group profile is not there any more."))?;
    if full(tx, owner.id, profile.id, profile.max_servers).await? {
        return Err(Error::invalid(format!("The profile {} allows {} servers.", profile.name, profile.max_servers)));
    }
    let taken = Taken::of(plan);
    if let Some(pack_id) = right.pack_id {
        let pack = pack::lock_of_user(tx, pack_id).await?.filter(|pack| pack.user_id == owner.id);
        let pack = pack.ok_or_else(|| Error::invalid("The resource pack is not there any more."))?;
        if !pack.enabled {
            return Err(Error::invalid(format!("The resource pack {} is disabled.", pack.name)));
        }
        let used = pack::used(tx, pack.id).await?;
        return fits(&pack.name, &Limits::of_user(&pack), &used, &taken);
    }
    if let Some(id) = account.hourly_pack_id
        && let Some(pack) = pack::by_id(tx, pack::HOURLY, id).await?.filter(|pack| pack.enabled)
    {
        fits(&pack.name, &Limits::of(&pack), &pack::used_hourly(tx, owner.id).await?, &taken)?;
    }
    affordable(tx, owner, package, now).await
}

/// An hourly server needs a price, and who pays in advance the first hour of it.
pub(super) async fn affordable(
    tx: &Tx,
    owner: &user::Model,
    package: &package::Model,
    now: Micros,
) -> Result<(), Error> {
    let price = rate::at(tx, &rate::package(package.id), now).await?;
    let price =
        price.ok_or_else(|| Error::invalid(format!("The package {} has no price by the hour.", package.name)))?;
    if !owner.self_service_hourly_credit {
        return Ok(());
    }
    let hours = rate::at(tx, rate::MONTH_HOURS, now).await?.filter(|hours| *hours > 0);
    let hour = price / hours.unwrap_or(rating::MONTH_HOURS) + 1;
    let balance = ledger::balance(tx, owner.id).await?;
    if balance < hour {
        let text = tokens::text(balance, DECIMALS);
        return Err(Error::invalid(format!("The user's credit of {text} tokens does not pay the first hour.")));
    }
    Ok(())
}

impl Taken {
    fn of(plan: &Plan) -> Self {
        let demand = plan.demand();
        Self {
            memory_mib: demand.memory_mib,
            storage_gib: demand.storage_gib,
            cpu: demand.cpu_cores,
            traffic_gb: plan.traffic_gb,
        }
    }
}

/// Every limit that it would pass. Traffic without a bound passes every bound.
pub(super) fn fits(name: &str, limits: &Limits, used: &Used, taken: &Taken) -> Result<(), Error> {
    let mut errors = Vec::new();
    let traffic = if taken.traffic_gb == 0 { i64::MAX } else { taken.traffic_gb };
    for (what, most, one) in [
        ("MiB of memory", limits.max_memory_mib, taken.memory_mib),
        ("GiB of storage", limits.max_storage_gib, taken.storage_gib),
        ("CPU cores", limits.max_cpu, taken.cpu),
        ("GB of traffic", limits.max_traffic_gb, traffic),
    ] {
        if most > 0 && one > most {
            errors.push(format!("A server of the resource pack {name} has at most {most} {what}."));
        }
    }
    for (what, most, held, one) in [
        ("servers", limits.total_servers, used.servers, 1),
        ("MiB of memory", limits.total_memory_mib, used.memory_mib, taken.memory_mib),
        ("GiB of storage", limits.total_storage_gib, used.storage_gib, taken.storage_gib),
        ("CPU cores", limits.total_cpu, used.cpu, taken.cpu),
        ("GB of traffic", limits.total_traffic_gb, used.traffic_gb, traffic),
    ] {
        if most > 0 && held.saturating_add(one) > most {
            let free = (most - held).max(0);
            errors.push(format!("The resource pack {name} has {free} of {most} {what} left."));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// From here on it is metered.
pub(crate) async fn begin(
    tx: &Tx,
    right: &Right,
    server: &server::Model,
    package: &package::Model,
    now: Micros,
) -> Result<(), Error> {
    let new = NewMetered {
        server_id: server.id,
        server_uuid: server.uuid,
        self_service: right.self_service,
        profile_id: Some(right.profile_id),
        pack_id: right.pack_id,
        included: follow::included(package),
        next_hour_at: hour_of(now),
        now,
    };
    meter::insert(tx, new).await?;
    follow::follow(tx, server.id, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_that_is_passed_is_told() {
        let limits = Limits {
            total_servers: 2,
            total_memory_mib: 4_096,
            max_memory_mib: 2_048,
            total_traffic_gb: 10_000,
            ..Limits::default()
        };
        let used = Used { servers: 1, memory_mib: 2_048, ..Used::default() };
        let taken = |memory_mib, traffic_gb| Taken { memory_mib, storage_gib: 1 << 20, cpu: 600, traffic_gb };
        assert!(fits("Two", &limits, &used, &taken(2_048, 10_000)).is_ok());
        for (memory, traffic, mistakes) in [(2_049, 10_000, 2), (2_048, 10_001, 1), (2_048, 0, 1)] {
            let Err(Error::Invalid(errors)) = fits("Two", &limits, &used, &taken(memory, traffic)) else {
                panic!("{memory} {traffic} fit")
            };
            assert_eq!(errors.len(), mistakes, "{errors:?}");
        }
        let full = Used { servers: 2, ..Used::default() };
        assert!(fits("Two", &limits, &full, &taken(1, 1)).is_err());
    }
}
