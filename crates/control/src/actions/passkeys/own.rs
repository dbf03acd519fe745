//! One's own passkeys: added with the password (and the second factor, where there is one), renamed and removed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use berth_api::panel::passkey::{AddPasskey, ProposePasskey};
use berth_store::{
    Tx, audit,
    entity::{passkey as entity, session as session_entity, user as user_entity},
    login_failure,
    passkey::{self, NewPasskey},
    user,
};
use serde_json::{Value, json};
use webauthn_rs::prelude::{Passkey, PasskeyRegistration, RegisterPublicKeyCredential};

use super::{MOST_PASSKEYS, keep, party, read, taken};
use crate::{
    Context, Error,
    actions::{entry, logins::Visitor, rules, second_factors},
    actor::Actor,
    mail::{self, Letter},
};

const NAME_CHARS: usize = 100;
/// What WebAuthn says of the names that authenticators give.
const CREDENTIAL_ID_BYTES: usize = 1_023;

/// The session that asks is the one that may answer.
fn holder(session: &session_entity::Model) -> String {
    format!("add a passkey {}", session.token_hash)
}

/// What a browser makes a passkey by. With the password.
pub async fn propose(
    ctx: &Context,
    visitor: &Visitor,
    (session, user): (&session_entity::Model, &user_entity::Model),
    input: ProposePasskey,
) -> Result<Value, Error> {
    let party = party(ctx)?;
    let ProposePasskey { password, code } = input;
    let (account, shown) = second_factors::prove_both(ctx, visitor, user, password, code).await?;
    let own = passkey::of_user(ctx.store.read(), user.id).await?;
    room_for_one(own.len())?;
    let ids = own.iter().filter_map(|row| URL_SAFE_NO_PAD.decode(&row.credential_id).ok());
    let (options, state) = party
        .start_passkey_registration(user.uuid, &user.email, &user.name, Some(ids.collect()))
        .map_err(|error| anyhow::anyhow!("a passkey: {error}"))?;
    let now = ctx.now();
    let proved = ctx.store.write_tx::<_, Error>(|tx| {
        let (account, shown) = (account.clone(), shown.clone());
        Box::pin(async move {
            if let Some(shown) = &shown {
                second_factors::take(tx, shown, now).await?;
            }
            Ok(login_failure::forgive(tx, &account).await?)
        })
    });
    if let Err(error) = proved.await {
        return Err(second_factors::in_a_form(ctx, visitor, user, error).await);
    }
    keep(ctx, visitor, &holder(session), &state).await?;
    discoverable(serde_json::to_value(options.public_key).map_err(anyhow::Error::from)?)
}

/// Of use are only those that a login without a name finds; the library would leave that to the authenticator.
fn discoverable(mut options: Value) -> Result<Value, Error> {
    let selection = options["authenticatorSelection"].as_object_mut();
    let selection = selection.ok_or_else(|| anyhow::anyhow!("options of a passkey without a selection"))?;
    selection.insert("residentKey".to_owned(), json!("required"));
    selection.insert("requireResidentKey".to_owned(), json!(true));
    Ok(options)
}

/// What the browser made is a passkey from now on.
pub async fn add(
    ctx: &Context,
    actor: &Actor,
    (session, user): (&session_entity::Model, &user_entity::Model),
    input: AddPasskey,
) -> Result<entity::Model, Error> {
    let party = party(ctx)?;
    let AddPasskey { name, credential } = input;
    let name = check_name(&name)?;
    if credential["clientExtensionResults"]["credProps"]["rk"] == json!(false) {
        return Err(Error::invalid("The authenticator did not keep the passkey. Try another one."));
    }
    let made: RegisterPublicKeyCredential = read(credential)?;
    let state: Option<PasskeyRegistration> = taken(ctx, &holder(session)).await?;
    let state = state.ok_or_else(|| Error::invalid("No passkey was asked for here, or too long ago. Begin again."))?;
    let made = party.finish_passkey_registration(&made, &state).map_err(|error| {
        tracing::info!(user = user.id, %error, "a passkey was refused");
        Error::invalid("The credential field is no passkey for this page and this challenge.")
    })?;
    let new = new_row(ctx, user, name, &made)?;
    let added = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, new, actor) = (ctx.clone(), new.clone(), actor.clone());
        Box::pin(async move {
            room_for_one(passkey::of_user(tx, new.user_id).await?.len())?;
            let now = new.now;
            let row = passkey::insert(tx, new).await.map_err(|error| {
                match error.violates("passkeys", &["credential_id"]) {
                    true => Error::invalid("This passkey is registered already."),
                    false => error.into(),
                }
            })?;
            tell(&ctx, tx, &actor, &row).await?;
            let after = json!({ "name": row.name });
            audit::record(tx, entry(&actor, now, "add_passkey", ("passkey", row.id), None, Some(after))).await?;
            Ok(row)
        })
    });
    added.await
}

fn new_row(ctx: &Context, user: &user_entity::Model, name: String, made: &Passkey) -> Result<NewPasskey, Error> {
    if made.cred_id().len() > CREDENTIAL_ID_BYTES {
        return Err(Error::invalid(format!("The credential id must have at most {CREDENTIAL_ID_BYTES} bytes.")));
    }
    Ok(NewPasskey {
        user_id: user.id,
        credential_id: URL_SAFE_NO_PAD.encode(made.cred_id()),
        credential: serde_json::to_value(made).map_err(anyhow::Error::from)?,
        name,
        now: ctx.now(),
    })
}

fn room_for_one(there_are: usize) -> Result<(), Error> {
    if there_are >= MOST_PASSKEYS {
        return Err(Error::invalid(format!("There are at most {MOST_PASSKEYS} passkeys. Remove one first.")));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<String, Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", name, 1, NAME_CHARS);
    rules::done(errors)?;
    Ok(name.trim().to_owned())
}

/// Whoever adds one in somebody's session does not do it unseen.
async fn tell(ctx: &Context, tx: &Tx, actor: &Actor, row: &entity::Model) -> Result<(), Error> {
    let owner = user::by_id(tx, row.user_id).await?.ok_or(Error::Unauthenticated)?;
    let address = actor.address.map_or_else(String::new, |address| address.to_string());
    let letter = Letter::Passkey { name: owner.name.clone(), passkey: row.name.clone(), address };
    mail::post(tx, mail::draft(ctx, &letter, &owner.language)?, &owner, row.created_at).await
}

pub async fn rename(ctx: &Context, actor: &Actor, user_id: i64, id: i64, name: &str) -> Result<(), Error> {
    let (now, name) = (ctx.now(), check_name(name)?);
    let renamed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, name) = (actor.clone(), name.clone());
        Box::pin(async move {
            let before = passkey::rename(tx, user_id, id, &name).await?.ok_or(Error::NotFound("passkey"))?;
            let (before, after) = (json!({ "name": before.name }), json!({ "name": name }));
            let written = entry(&actor, now, "rename_passkey", ("passkey", id), Some(before), Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    renamed.await
}

/// It logs nobody in from now on.
pub async fn remove(ctx: &Context, actor: &Actor, user_id: i64, id: i64) -> Result<(), Error> {
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = passkey::remove(tx, user_id, id).await?.ok_or(Error::NotFound("passkey"))?;
            let before = json!({ "name": row.name });
            Ok(audit::record(tx, entry(&actor, now, "remove_passkey", ("passkey", id), Some(before), None)).await?)
        })
    });
    removed.await
}
