//! Tokens of the Global API: shown once, kept as hashes, revocable.

use berth_api::v1::token::CreateToken;
use berth_store::{
    Tx,
    api_token::{self, NewToken},
    audit,
    entity::api_token as entity,
    user,
};
use ipnet::IpNet;
use serde_json::json;

use super::{entry, rules, staff};
use crate::{
    Context, Error,
    actor::{Ability, Actor, SCOPES},
    clock::DAY,
    http::auth,
};

const ADDRESSES_LIMIT: usize = 64;

/// The row, and the token that is shown once.
pub async fn create(ctx: &Context, actor: &Actor, input: CreateToken) -> Result<(entity::Model, String), Error> {
    actor.require(Ability::Admin)?;
    let own = actor.user_id.ok_or(Error::Forbidden("only a user's token makes tokens"))?;
    let user_id = input.user_id.unwrap_or(own);
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", &input.name, 1, 100);
    if let Some(days) = input.expires_in_days {
        rules::within(&mut errors, "expiresInDays", days, 1..=3_650);
    }
    if input.allowed_addresses.len() > ADDRESSES_LIMIT {
        errors.push(format!("The allowedAddresses may have at most {ADDRESSES_LIMIT} entries."));
    }
    let networks: Vec<Option<String>> =
        input.allowed_addresses.iter().take(ADDRESSES_LIMIT).map(|text| network(text)).collect();
    if networks.iter().any(Option::is_none) {
        errors.push("The allowedAddresses must be addresses or networks in CIDR form.".to_owned());
    }
    let abilities = input.abilities.unwrap_or_else(|| actor.abilities.clone());
    for ability in &abilities {
        let is_own = actor.abilities.iter().any(|own| own == "*" || own == ability);
        if !is_own || !(ability == "*" || SCOPES.contains(&ability.as_str())) {
            errors.push(format!("The abilities name {ability:?}, which this token can't give."));
        }
    }
    rules::done(errors)?;
    let (now, uuid, token) = (ctx.now(), ctx.rng.uuid(), auth::new_token(ctx.rng.as_ref()));
    let new = NewToken {
        uuid,
        user_id,
        name: input.name.trim().to_owned(),
        token_hash: auth::hash_token(&token),
        abilities,
        allow_list: networks.into_iter().flatten().collect(),
        expires_at: input.expires_in_days.map(|days| now + days * DAY),
        now,
    };
    let row = ctx
        .store
        .write_tx::<_, Error>(|tx| {
            let (actor, new) = (actor.clone(), new.clone());
            Box::pin(async move {
                check_owner(tx, &actor, new.user_id).await?;
                let row = api_token::insert(tx, new).await?;
                let after = json!({
                    "name": row.name,
                    "userId": row.user_id,
                    "abilities": row.abilities,
                    "allowedAddresses": row.allow_list,
                });
                audit::record(tx, entry(&actor, now, "create_token", ("token", row.id), None, Some(after))).await?;
                Ok(row)
            })
        })
        .await?;
    Ok((row, token))
}

/// Staff have tokens; an owner or administrator makes them alone, or an owner does.
async fn check_owner(tx: &Tx, actor: &Actor, user_id: i64) -> Result<(), Error> {
    let known = user::by_id(tx, user_id).await?.filter(|user| user.role.is_some());
    let owner = known.ok_or_else(|| Error::invalid("The userId must be the id of a user who has a role."))?;
    staff::guard(actor, &owner)
}

/// A network as it is kept, of an address or a network as it was written.
pub(super) fn network(text: &str) -> Option<String> {
    let text = text.trim();
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))?;
    Some(net.trunc().to_string())
}

/// From now on the token is refused. Revoking twice is revoking once.
pub async fn revoke(ctx: &Context, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let row = api_token::by_id(tx, id).await?.ok_or(Error::NotFound("token"))?;
                let owner = user::by_id(tx, row.user_id).await?.ok_or(Error::NotFound("token"))?;
                staff::guard(&actor, &owner)?;
                if row.revoked_at.is_none() {
                    api_token::revoke(tx, id, now).await?;
                    let before = json!({ "name": row.name });
                    audit::record(tx, entry(&actor, now, "revoke_token", ("token", id), Some(before), None)).await?;
                }
                Ok(())
            })
        })
        .await
}
