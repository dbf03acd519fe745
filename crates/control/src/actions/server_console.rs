//! Access to consoles: a token that opens one socket, once, within a minute.

use berth_api::v1::server_input::SwitchVnc;
use berth_store::{
    Micros, Tx, audit, console_token,
    entity::{self, server},
    server as servers, server_outcome,
};
use serde_json::json;

use super::{entry, queue, server_access};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::SECOND,
    http::auth::hash_token,
    rights::Right,
};

/// How long a token opens a socket.
pub const TOKEN_LIFE: Micros = 60 * SECOND;
/// All that RFB's own authentication reads.
const VNC_PASSWORD_LETTERS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleKind {
    Vnc,
    Serial,
}

impl ConsoleKind {
    pub const ALL: [ConsoleKind; 2] = [ConsoleKind::Vnc, ConsoleKind::Serial];

    pub fn name(self) -> &'static str {
        match self {
            ConsoleKind::Vnc => "vnc",
            ConsoleKind::Serial => "serial",
        }
    }
}

/// What a client opens a console with.
pub struct Access {
    pub token: String,
    /// For RFB; empty for a serial console.
    pub password: String,
    pub enabled: bool,
}

/// The present token, or a new one where that was used or is too old.
pub async fn vnc(ctx: &Context, actor: &Actor, server_id: i64) -> Result<Access, Error> {
    actor.require(Ability::Operate)?;
    let row = servers::by_id(ctx.store.read(), server_id).await?.ok_or(Error::NotFound("server"))?;
    if row.suspended {
        return Err(Error::Locked { msg: "The server is suspended.".to_owned(), queue_id: None });
    }
    let fresh = console_token::fresh(ctx.store.read(), server_id, ConsoleKind::Vnc.name(), ctx.now()).await?;
    match fresh.filter(|token| token.user_id == actor.person()) {
        Some(token) => Ok(Access {
            token: ctx.open("console_tokens", "token_enc", token.uuid, &token.token_enc)?,
            password: ctx.open("console_tokens", "password_enc", token.uuid, &token.password_enc)?,
            enabled: row.vnc_enabled,
        }),
        None => renew(ctx, actor, server_id, ConsoleKind::Vnc, None).await,
    }
}

/// Switches console access and makes a new token. The three forms of the body mean the same.
pub async fn switch_vnc(ctx: &Context, actor: &Actor, server_id: i64, input: SwitchVnc) -> Result<Access, Error> {
    actor.require(Ability::Operate)?;
    let SwitchVnc { action, vnc, enabled } = input;
    let action = match action.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(word) if word.eq_ignore_ascii_case("enable") => Some(true),
        Some(word) if word.eq_ignore_ascii_case("disable") => Some(false),
        Some(_) => return Err(Error::invalid("The action must be enable or disable.")),
    };
    renew(ctx, actor, server_id, ConsoleKind::Vnc, action.or(vnc).or(enabled)).await
}

/// A token for the serial console.
pub async fn serial(ctx: &Context, actor: &Actor, server_id: i64) -> Result<Access, Error> {
    actor.require(Ability::Operate)?;
    renew(ctx, actor, server_id, ConsoleKind::Serial, None).await
}

async fn renew(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    kind: ConsoleKind,
    enable: Option<bool>,
) -> Result<Access, Error> {
    let (now, uuid) = (ctx.now(), ctx.rng.uuid());
    let token = ctx.rng.uuid().to_string();
    let password = match kind {
        ConsoleKind::Vnc => ctx.rng.letters_and_digits(VNC_PASSWORD_LETTERS),
        ConsoleKind::Serial => String::new(),
    };
    let new = console_token::NewToken {
        uuid,
        server_id,
        kind: kind.name().to_owned(),
        token_hash: hash_token(&token),
        password_enc: ctx.seal("console_tokens", "password_enc", uuid, &password),
        token_enc: ctx.seal("console_tokens", "token_enc", uuid, &token),
        user_id: actor.person(),
        expires_at: now + TOKEN_LIFE,
        now,
    };
    let renewed = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, new) = (ctx.clone(), actor.clone(), new.clone());
        Box::pin(async move {
            let row = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            if row.suspended {
                return Err(Error::Locked { msg: "The server is suspended.".to_owned(), queue_id: None });
            }
            if row.commission_status == 0 {
                queue::require_built(&row)?;
            }
            let enabled = enable.unwrap_or(row.vnc_enabled);
            if enabled != row.vnc_enabled {
                set_enabled(&ctx, tx, &actor, &row, (enabled, now)).await?;
            } else {
                let after = json!({ "console": new.kind });
                let subject = ("server", row.id);
                audit::record(tx, entry(&actor, now, "open_console", subject, None, Some(after))).await?;
            }
            console_token::replace(tx, new).await?;
            Ok(enabled)
        })
    });
    let enabled = renewed.await?;
    ctx.nudge.notify_one();
    Ok(Access { enabled, token, password })
}

/// The node is told too: it lets nobody look where its specification does not say so.
async fn set_enabled(
    ctx: &Context,
    tx: &Tx,
    actor: &Actor,
    row: &server::Model,
    (enabled, now): (bool, Micros),
) -> Result<(), Error> {
    servers::set_vnc_enabled(tx, row.id, enabled, now).await?;
    server_outcome::next_generation(tx, row.id).await?;
    queue::enqueue_apply(ctx, tx, row, now).await?;
    let (before, after) = (json!({ "vnc": row.vnc_enabled }), json!({ "vnc": enabled }));
    let subject = ("server", row.id);
    Ok(audit::record(tx, entry(actor, now, "switch_vnc", subject, Some(before), Some(after))).await?)
}

/// What a socket connects to.
pub struct Opening {
    pub server: server::Model,
    pub hypervisor: entity::hypervisor::Model,
    pub password: String,
    pub look: Look,
}

/// Who looks at what: what makes a socket one that may stay open.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    server_id: i64,
    kind: ConsoleKind,
    /// None for those whom the Global API let in.
    user_id: Option<i64>,
}

/// Takes a token; the first caller within its time gets the console, every other nothing.
pub async fn open(ctx: &Context, kind: ConsoleKind, token: &str) -> Result<Opening, Error> {
    let (hash, now) = (hash_token(token), ctx.now());
    let taken = ctx.store.write_tx::<_, Error>(|tx| {
        let hash = hash.clone();
        Box::pin(async move { Ok(console_token::take(tx, &hash, kind.name(), now).await?) })
    });
    let taken = taken.await?.ok_or(Error::Forbidden("this token is unknown, used or too old"))?;
    let db = ctx.store.read();
    let server = servers::by_id(db, taken.server_id).await?.ok_or(Error::NotFound("server"))?;
    let look = Look { server_id: server.id, kind, user_id: taken.user_id };
    if !may_look(ctx, look, &server).await? {
        return Err(Error::Forbidden("console access is off"));
    }
    let hypervisor = berth_store::hypervisor::by_id(db, server.hypervisor_id).await?;
    let hypervisor = hypervisor.ok_or(Error::NotFound("hypervisor"))?;
    let password = ctx.open("console_tokens", "password_enc", taken.uuid, &taken.password_enc)?;
    Ok(Opening { server, hypervisor, password, look })
}

/// Whether a socket that was opened may stay open: nobody goes on looking who lost the right to it meanwhile.
pub async fn may_go_on(ctx: &Context, look: Look) -> Result<bool, Error> {
    match servers::by_id(ctx.store.read(), look.server_id).await? {
        Some(server) => may_look(ctx, look, &server).await,
        None => Ok(false),
    }
}

async fn may_look(ctx: &Context, look: Look, server: &server::Model) -> Result<bool, Error> {
    if server.suspended || (look.kind == ConsoleKind::Vnc && !server.vnc_enabled) {
        return Ok(false);
    }
    match look.user_id {
        Some(user) => server_access::may(ctx, user, server, Right::Console).await,
        None => Ok(true),
    }
}
