//! What a server is called, and what else of it only the control server knows: protection, the allowance of traffic,
//! what may be done with its backups. Its node has nothing to follow.

use berth_store::{entity::server, server_change::Changes};
use serde_json::{Value, json};

use super::{server_build_order::is_name, server_change::Changing, server_order::TRAFFIC_GB};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

const BACKUP_ACCESS: [&str; 6] = ["inherit", "disabled", "scheduled", "view_restore", "full", "manual"];

pub async fn rename(ctx: &Context, actor: &Actor, server_id: i64, name: Option<String>) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let name = name.unwrap_or_default().trim().to_owned();
    if !is_name(&name) {
        return Err(Error::invalid("The name must have 1 to 63 printable characters."));
    }
    let changes = Changes { name: Some(name), ..Changes::default() };
    write(ctx, actor, server_id, "rename_server", changes, |row| json!({ "name": row.name })).await
}

pub async fn set_traffic(ctx: &Context, actor: &Actor, server_id: i64, traffic_gb: Option<i64>) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let (least, most) = TRAFFIC_GB;
    let Some(traffic_gb) = traffic_gb.filter(|traffic| (least..=most).contains(traffic)) else {
        return Err(Error::invalid(format!("The traffic must be between {least} and {most}.")));
    };
    let changes = Changes { traffic_gb: Some(traffic_gb), ..Changes::default() };
    write(ctx, actor, server_id, "change_traffic", changes, |row| json!({ "traffic": row.traffic_gb })).await
}

/// A protected server is neither rebuilt nor deleted.
pub async fn protect(ctx: &Context, actor: &Actor, server_id: i64, protected: Option<bool>) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let Some(protected) = protected else { return Err(Error::invalid("The protected field is required.")) };
    let changes = Changes { protected: Some(protected), ..Changes::default() };
    write(ctx, actor, server_id, "protect_server", changes, |row| json!({ "protected": row.protected })).await
}

/// What the owner may do with the server's backups.
pub async fn set_backup_access(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    access: Option<String>,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let access = access.unwrap_or_default();
    if !BACKUP_ACCESS.contains(&access.as_str()) {
        return Err(Error::invalid(format!("The type must be one of {}.", BACKUP_ACCESS.join(", "))));
    }
    let changes = Changes { backup_access: Some(access), ..Changes::default() };
    write(ctx, actor, server_id, "change_backup_access", changes, |row| json!({ "type": row.backup_access })).await
}

/// `shown` is what the audit log keeps, before and after.
async fn write(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    action: &'static str,
    changes: Changes,
    shown: fn(&server::Model) -> Value,
) -> Result<(), Error> {
    let changing = Changing::new(ctx, actor);
    let written = ctx.store.write_tx::<_, Error>(|tx| {
        let (changing, changes) = (changing.clone(), changes.clone());
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let after = changing.write(tx, &row, changes, false).await?;
            changing.record(tx, action, &row, shown(&row), shown(&after)).await
        })
    });
    written.await
}
