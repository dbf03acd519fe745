//! Tokens of the Global API: shown once, kept as hashes, revocable.

use berth_api::v1::token::CreateToken;
use berth_store::{
    api_token::{self, NewToken},
    audit,
    entity::api_token as entity,
};
use ipnet::IpNet;
use serde_json::json;

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::DAY,
    http::auth,
};

const ADDRESSES_LIMIT: usize = 64;

/// The row, and the token that is shown once.
pub async fn create(ctx: &Context, actor: &Actor, input: CreateToken) -> Result<(entity::Model, String), Error> {
    actor.require(Ability::Admin)?;
    let user_id = actor.user_id.ok_or(Error::Forbidden("only a user's token makes tokens"))?;
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
        let known = Ability::ALL.into_iter().find(|(name, _)| name == ability);
        let granted = known.map_or(ability == "*" && actor.abilities.contains(ability), |(_, known)| actor.may(known));
        if !granted {
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
                let row = api_token::insert(tx, new).await?;
                let after = json!({ "name": row.name, "abilities": row.abilities, "allowedAddresses": row.allow_list });
                audit::record(tx, entry(&actor, now, "create_token", ("token", row.id), None, Some(after))).await?;
                Ok(row)
            })
        })
        .await?;
    Ok((row, token))
}

fn network(text: &str) -> Option<String> {
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
