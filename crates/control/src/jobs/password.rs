//! A new password for the guest's administrator, through the guest agent.

use berth_proto as proto;
use berth_store::{server, server_details::ServerDetails};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Run, StepError, StepResult, build::load};
use crate::{
    Error,
    mail::{self, Letter},
    nodes::op,
};

pub const STEP: &str = "server.password.set";
/// Of Windows.
pub const ADMINISTRATOR: &str = "Administrator";

/// The password itself is in the payload only sealed, bound to the server's password column.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PasswordPayload {
    /// `root` or `Administrator`.
    pub user: String,
    /// crypt(3), SHA-512.
    pub password_hash: String,
    pub password_enc: String,
    /// Whether the owner is to be told by mail.
    #[serde(default)]
    pub email: bool,
}

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    let PasswordPayload { user, password_hash, password_enc, email } = run.payload()?;
    let details = load(run).await?;
    let node = run.node().await?;
    let operation = op::Op::SetPassword(if user == ADMINISTRATOR {
        // Windows takes no hash.
        let password = run.ctx.open("servers", "password_enc", details.server.uuid, &password_enc)?;
        proto::SetPassword { user: user.clone(), password_hash: String::new(), password }
    } else {
        proto::SetPassword { user: user.clone(), password_hash: password_hash.clone(), password: String::new() }
    });
    let done = op::wait_done(run, &node, &details.server.uuid.to_string(), "password", operation).await?;
    let (server_id, now) = (details.server.id, run.ctx.now());
    let draft = if email { draft(run, &details, &user, &password_enc)? } else { None };
    let owner = details.owner;
    // What the guest has is what is shown from now on.
    Ok(StepResult::done().data(json!({ "user": user, "detail": done.detail })).write(move |tx| {
        let (sealed, hash) = (password_enc.clone(), password_hash.clone());
        let (draft, owner) = (draft.clone(), owner.clone());
        Box::pin(async move {
            mail::post(tx, draft, &owner, now).await?;
            Ok(server::set_password(tx, server_id, &sealed, &hash, now).await?)
        })
    }))
}

fn draft(run: &Run, details: &ServerDetails, user: &str, sealed: &str) -> Result<Option<mail::Draft>, Error> {
    let server = &details.server;
    let password = run.ctx.open("servers", "password_enc", server.uuid, sealed)?;
    let letter = Letter::ServerPassword { name: server.name.clone(), user: user.to_owned(), password };
    mail::draft(&run.ctx, &letter, &details.owner.language)
}
