//! A new password for the administrator of a guest.

use berth_api::v1::server_input::ResetPassword;
use berth_store::{audit, server as servers};
use serde_json::json;

use super::{
    entry,
    queue::{self, Work},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    crypt,
    jobs::{
        Kind,
        password::{ADMINISTRATOR, PasswordPayload},
    },
    spec::WINDOWS,
};

/// What was asked for, and the password that the guest has once it is done.
pub struct Reset {
    pub queue_id: i64,
    pub password: String,
}

pub async fn reset(ctx: &Context, actor: &Actor, server_id: i64, input: ResetPassword) -> Result<Reset, Error> {
    actor.require(Ability::Operate)?;
    let Some(row) = servers::by_id(ctx.store.read(), server_id).await? else { return Err(Error::NotFound("server")) };
    let user = account(input.user.as_deref(), row.os_type == WINDOWS)?;
    let password = crypt::new_password(ctx.rng.as_ref());
    // The job holds the password only as a hash and sealed for the column that it ends up in.
    let payload = PasswordPayload {
        user: user.to_owned(),
        password_hash: crypt::hash(ctx.rng.as_ref(), &password).await?,
        password_enc: ctx.seal("servers", "password_enc", row.uuid, &password),
        email: input.send_mail.unwrap_or(true),
    };
    let now = ctx.now();
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, payload) = (ctx.clone(), actor.clone(), payload.clone());
        Box::pin(async move {
            let row = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            queue::require_free(tx, &row).await?;
            queue::require_built(&row)?;
            queue::require_place(tx, &row, Kind::Password).await?;
            let work = Work { kind: Kind::Password, action: "reset_password", server: &row, exclusive: false, payload };
            let queue_id = queue::enqueue(&ctx, tx, work, now).await?;
            let after = json!({ "user": user, "queue": queue_id });
            let subject = ("server", row.id);
            audit::record(tx, entry(&actor, now, "reset_password", subject, None, Some(after))).await?;
            Ok(queue_id)
        })
    });
    let queue_id = queued.await?;
    ctx.nudge.notify_one();
    Ok(Reset { queue_id, password })
}

/// Modules ask for either on any server: it is the one that the template's system has.
fn account(asked: Option<&str>, is_windows: bool) -> Result<&'static str, Error> {
    let asked = asked.map(str::trim).filter(|user| !user.is_empty());
    let is_known = |user: &str| ["root", ADMINISTRATOR].iter().any(|known| user.eq_ignore_ascii_case(known));
    match asked {
        Some(user) if !is_known(user) => Err(Error::invalid("The user must be root or Administrator.")),
        _ => Ok(if is_windows { ADMINISTRATOR } else { "root" }),
    }
}
