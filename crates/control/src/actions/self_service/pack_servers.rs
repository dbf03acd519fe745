//! The servers of a customer's resource pack together: suspended, taken up again, deleted. All of them or none.

use berth_store::{
    Tx, audit,
    entity::{server, user_pack},
    self_service::pack,
    traffic_limit,
};
use serde_json::json;

use super::user_packs::{PACK, SUBJECT};
use crate::{
    Context, Error,
    actions::{entry, server_change::Changing, server_delete, server_suspend},
    actor::{Ability, Actor},
    clock::MINUTE,
    scheduler,
};

/// Of a deletion.
pub const DELAY_MINUTES: i64 = 30;

/// Those that are suspended already stay so.
pub async fn suspend(ctx: &Context, actor: &Actor, pack_id: i64) -> Result<(), Error> {
    set(ctx, actor, pack_id, true).await
}

/// What ran before boots again. Deletions that wait are not called off: they are a server's own.
pub async fn unsuspend(ctx: &Context, actor: &Actor, pack_id: i64) -> Result<(), Error> {
    set(ctx, actor, pack_id, false).await
}

async fn set(ctx: &Context, actor: &Actor, pack_id: i64, suspend: bool) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let changing = Changing::new(ctx, actor);
    let switched = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let (pack, servers) = locked(tx, &changing, pack_id).await?;
            let mut changed = Vec::new();
            for row in servers {
                if suspend {
                    traffic_limit::keep_suspended(tx, row.id).await?;
                }
                if row.suspended != suspend {
                    server_suspend::switch(&changing, tx, &row, suspend).await?;
                    changed.push(row.id);
                }
            }
            let action = if suspend { "suspend_pack_servers" } else { "unsuspend_pack_servers" };
            let after = json!({ "user": pack.user_id, "suspended": suspend, "servers": changed });
            let written = entry(&changing.actor, changing.now, action, (SUBJECT, pack.id), None, Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    switched.await?;
    ctx.nudge.notify_one();
    Ok(())
}

/// Within the delay each can be called off. Refused where one of them is protected.
pub async fn delete(ctx: &Context, actor: &Actor, pack_id: i64, delay_minutes: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let most = server_delete::MOST_DELAY_MINUTES;
    if !(0..=most).contains(&delay_minutes) {
        return Err(Error::invalid(format!("The delay must be between 0 and {most}.")));
    }
    let changing = Changing::new(ctx, actor);
    let deleted = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let (pack, servers) = locked(tx, &changing, pack_id).await?;
            if let Some(row) = servers.iter().find(|row| row.protected) {
                let msg = format!("The server {} of the resource pack is protected.", row.id);
                return Err(Error::Locked { msg, queue_id: None });
            }
            let at = changing.now + delay_minutes * MINUTE;
            for row in &servers {
                if delay_minutes == 0 {
                    scheduler::begin_deletion(tx, row, changing.ctx.rng.uuid(), changing.now).await?;
                } else {
                    server_delete::delay(tx, row, at, changing.now).await?;
                }
            }
            let ids: Vec<i64> = servers.iter().map(|row| row.id).collect();
            let before = json!({ "user": pack.user_id, "servers": ids });
            let after = json!({ "delay": delay_minutes });
            let subject = (SUBJECT, pack.id);
            let (actor, now) = (&changing.actor, changing.now);
            let written = entry(actor, now, "delete_pack_servers", subject, Some(before), Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    deleted.await?;
    ctx.nudge.notify_one();
    Ok(())
}

/// Those that are not being deleted, by id.
async fn locked(tx: &Tx, changing: &Changing, pack_id: i64) -> Result<(user_pack::Model, Vec<server::Model>), Error> {
    let pack = pack::lock_of_user(tx, pack_id).await?.ok_or(Error::NotFound(PACK))?;
    let mut servers = Vec::new();
    for row in pack::servers(tx, pack.id).await?.into_iter().filter(|row| !row.deleting) {
        servers.push(changing.lock(tx, row.id).await?);
    }
    Ok((pack, servers))
}
