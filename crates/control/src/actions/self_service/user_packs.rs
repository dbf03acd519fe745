//! Resource packs that customers have, and the pack that bounds what a customer has by the hour.

use berth_api::v1::{
    self_service::AddUserPack,
    self_service_pack::{PackServer, PackShare, PackUsage, PackUsed, UserPack},
};
use berth_store::{
    Db, audit,
    entity::{self_service_account as account_entity, server, user_pack},
    self_service::{
        account,
        pack::{self, Limits, Used},
    },
    user::Relation,
};
use serde_json::{Value, json};

use super::{customer, packs};
use crate::{
    Context, Error,
    actions::entry,
    actor::{Ability, Actor},
};

pub const PACK: &str = "resource pack";
pub(super) const SUBJECT: &str = "user_pack";

pub async fn give(ctx: &Context, actor: &Actor, relation: &Relation, input: AddUserPack) -> Result<i64, Error> {
    actor.require(Ability::Admin)?;
    let AddUserPack { pack_id, enabled } = input;
    let (now, enabled) = (ctx.now(), enabled.unwrap_or(true));
    let given = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, relation) = (actor.clone(), relation.clone());
        Box::pin(async move {
            let user = customer(tx, &relation).await?;
            let of = pack::by_id(tx, pack::RESOURCE, pack_id).await?.filter(|pack| pack.enabled);
            let of =
                of.ok_or_else(|| Error::invalid(format!("The packId {pack_id} names no enabled resource pack.")))?;
            let row = pack::give(tx, user.id, &of, enabled, now).await?;
            let after = Some(told(&row));
            audit::record(tx, entry(&actor, now, "give_resource_pack", (SUBJECT, row.id), None, after)).await?;
            Ok(row.id)
        })
    });
    given.await
}

/// Where it is disabled no server can be created in it; those that are there stay.
pub async fn enable(ctx: &Context, actor: &Actor, id: i64, enabled: bool) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = pack::lock_of_user(tx, id).await?.ok_or(Error::NotFound(PACK))?;
            pack::enable_of_user(tx, id, enabled, now).await?;
            let (before, after) = (json!({ "enabled": row.enabled }), json!({ "enabled": enabled }));
            let written = entry(&actor, now, "change_resource_pack", (SUBJECT, id), Some(before), Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    changed.await
}

/// One that has servers is refused, or disabled where `disable` says so.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, disable: bool) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = pack::lock_of_user(tx, id).await?.ok_or(Error::NotFound(PACK))?;
            let servers = pack::servers(tx, id).await?;
            // Those that are on their way out are the customer's no longer.
            let held = servers.iter().filter(|server| !server.deleting).count();
            let before = Some(told(&row));
            if held == 0 {
                pack::remove_of_user(tx, id).await?;
                return Ok(
                    audit::record(tx, entry(&actor, now, "remove_user_pack", (SUBJECT, id), before, None)).await?
                );
            }
            if !disable {
                return Err(Error::invalid(format!(
                    "The resource pack has {held} servers; delete them first, or disable it by disable=true."
                )));
            }
            pack::enable_of_user(tx, id, false, now).await?;
            let after = Some(json!({ "enabled": false, "servers": held }));
            Ok(audit::record(tx, entry(&actor, now, "disable_user_pack", (SUBJECT, id), before, after)).await?)
        })
    });
    removed.await
}

/// What bounds the customer's hourly servers; 0 is nothing.
pub async fn set_hourly(ctx: &Context, actor: &Actor, relation: &Relation, pack_id: i64) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let set = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, relation) = (actor.clone(), relation.clone());
        Box::pin(async move {
            let user = customer(tx, &relation).await?;
            let wanted = Some(pack_id).filter(|id| *id != 0);
            if let Some(id) = wanted {
                let pack = pack::by_id(tx, pack::HOURLY, id).await?.filter(|pack| pack.enabled);
                pack.ok_or_else(|| Error::invalid(format!("The packId {id} names no enabled hourly resource pack.")))?;
            }
            let row = account::lock(tx, user.id, now).await?;
            let (before, after) = (json!({ "pack": row.hourly_pack_id }), json!({ "pack": wanted }));
            account::set(tx, account_entity::Model { hourly_pack_id: wanted, ..row }).await?;
            let subject = ("user", user.id);
            let written = entry(&actor, now, "set_hourly_resource_pack", subject, Some(before), Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    set.await
}

pub async fn retrieve(ctx: &Context, actor: &Actor, id: i64, with_servers: bool) -> Result<UserPack, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let row = pack::of_user_by_id(db, id).await?.ok_or(Error::NotFound(PACK))?;
    shown(db, row, with_servers).await
}

/// All that a customer has.
pub async fn of_user(ctx: &Context, actor: &Actor, relation: &Relation) -> Result<Vec<UserPack>, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let user = customer(db, relation).await?;
    all(db, user.id).await
}

pub(super) async fn all(db: &impl Db, user_id: i64) -> Result<Vec<UserPack>, Error> {
    let mut packs = Vec::new();
    for row in pack::of_user(db, user_id).await? {
        packs.push(shown(db, row, false).await?);
    }
    Ok(packs)
}

async fn shown(db: &impl Db, row: user_pack::Model, with_servers: bool) -> Result<UserPack, Error> {
    let (limits, used) = (Limits::of_user(&row), pack::used(db, row.id).await?);
    let servers =
        if with_servers { Some(pack::servers(db, row.id).await?.into_iter().map(server_of).collect()) } else { None };
    let Used { servers: number, memory_mib, storage_gib, cpu, traffic_gb } = used;
    Ok(UserPack {
        r#type: "pack".to_owned(),
        id: row.id,
        pid: row.pack_id,
        label: row.label,
        name: row.name,
        enabled: row.enabled,
        user_id: row.user_id,
        limits: packs::shown(&limits),
        used: PackUsed { servers: number, memory: memory_mib, storage: storage_gib, cpu, traffic: traffic_gb },
        usage: PackUsage {
            servers: share(limits.total_servers, number),
            memory: share(limits.total_memory_mib, memory_mib),
            storage: share(limits.total_storage_gib, storage_gib),
            cpu: share(limits.total_cpu, cpu),
            traffic: share(limits.total_traffic_gb, traffic_gb),
        },
        servers,
    })
}

fn share(total: i64, used: i64) -> PackShare {
    let percent = if total > 0 { used.saturating_mul(100) / total } else { 0 };
    PackShare { t: total, u: used, f: total - used, p: percent, l: total > 0 }
}

fn server_of(row: server::Model) -> PackServer {
    PackServer {
        id: row.id,
        uuid: row.uuid.to_string(),
        name: row.name,
        state: row.state,
        suspended: row.suspended,
        deleting: row.deleting || row.delete_at.is_some(),
        memory: row.memory_mib,
        cpu: row.cpu_cores,
        traffic: row.traffic_gb,
    }
}

fn told(row: &user_pack::Model) -> Value {
    json!({ "user": row.user_id, "pack": row.pack_id, "name": row.name, "enabled": row.enabled })
}
