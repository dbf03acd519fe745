//! Customers' own tokens of the customer API: made with a fresh proof ([`crate::proof`]), shown once, kept as hashes, ended at any time.
//!
//! A new password ends no token: programs that hold one are not who knew the old password. The letter of the change says
//! that there are some, so that whoever fears for the account looks through them.

use berth_api::panel::token::CreateToken;
use berth_store::{
    Micros, Tx, audit,
    customer_token::{self, NewToken},
    entity::{customer_token as entity, user as user_entity},
    user,
};
use serde_json::json;

use super::{entry, rules, tokens::network};
use crate::{
    Context, Error,
    actor::Actor,
    clock::{DAY, MINUTE},
    http::auth::hash_token,
    mail::{self, Letter},
    random::Rng,
    scopes::Scope,
};

/// What they start with: secret scanners know them by it, and so does each of the two APIs.
pub const PREFIX: &str = "brc_";
/// Of one user, those whose time is over included.
pub const MOST_TOKENS: usize = 20;
const NAME_CHARS: usize = 100;
const DAYS: std::ops::RangeInclusive<i64> = 1..=365;
const ADDRESSES_LIMIT: usize = 32;
/// How old the time of the last use may be.
const USE_NOTED: Micros = 5 * MINUTE;
/// Letters and digits after the prefix: 256 bits and a bit.
const LETTERS: usize = 43;

fn new_token(rng: &dyn Rng) -> String {
    format!("{PREFIX}{}", rng.letters_and_digits(LETTERS))
}

/// Whether it may be one of ours at all.
pub fn has_the_form(text: &str) -> bool {
    text.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == LETTERS && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The row, and the token that is shown once.
pub async fn create(
    ctx: &Context,
    actor: &Actor,
    owner: &user_entity::Model,
    input: &CreateToken,
) -> Result<(entity::Model, String), Error> {
    let new = check(ctx, owner, input)?;
    let (token, now) = (new_token(ctx.rng.as_ref()), ctx.now());
    let new = NewToken { token_hash: hash_token(&token), ..new };
    let created = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, new) = (ctx.clone(), actor.clone(), new.clone());
        Box::pin(async move {
            if customer_token::of_user(tx, new.user_id).await?.len() >= MOST_TOKENS {
                return Err(Error::invalid(format!("There are at most {MOST_TOKENS} tokens. Revoke one first.")));
            }
            let row = customer_token::insert(tx, new).await?;
            tell(&ctx, tx, &actor, &row, now).await?;
            let after = json!({ "name": row.name, "scopes": row.scopes, "allowedAddresses": row.allow_list });
            let subject = ("customer_token", row.id);
            audit::record(tx, entry(&actor, now, "create_api_token", subject, None, Some(after))).await?;
            Ok(row)
        })
    });
    Ok((created.await?, token))
}

/// All but the token itself.
fn check(ctx: &Context, owner: &user_entity::Model, input: &CreateToken) -> Result<NewToken, Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", &input.name, 1, NAME_CHARS);
    if input.scopes.is_empty() {
        errors.push("The scopes must name at least one.".to_owned());
    }
    if let Some(days) = input.expires_in_days {
        rules::within(&mut errors, "expiresInDays", days, DAYS);
    }
    if input.allowed_addresses.len() > ADDRESSES_LIMIT {
        errors.push(format!("The allowedAddresses may have at most {ADDRESSES_LIMIT} entries."));
    }
    let networks: Vec<Option<String>> =
        input.allowed_addresses.iter().take(ADDRESSES_LIMIT).map(|text| network(text)).collect();
    if networks.iter().any(Option::is_none) {
        errors.push("The allowedAddresses must be addresses or networks in CIDR form.".to_owned());
    }
    rules::done(errors)?;
    let given: Vec<Scope> = input.scopes.iter().copied().map(Scope::from).collect();
    let scopes = Scope::ALL.into_iter().filter(|scope| given.contains(scope)).map(|scope| scope.name().to_owned());
    let now = ctx.now();
    Ok(NewToken {
        user_id: owner.id,
        name: input.name.trim().to_owned(),
        token_hash: String::new(),
        scopes: scopes.collect(),
        allow_list: networks.into_iter().flatten().collect(),
        expires_at: input.expires_in_days.map(|days| now + days * DAY),
        now,
    })
}

/// Whoever makes a token in somebody's session does not do it unseen.
async fn tell(ctx: &Context, tx: &Tx, actor: &Actor, row: &entity::Model, now: Micros) -> Result<(), Error> {
    let Some(owner) = user::by_id(tx, row.user_id).await? else { return Err(Error::Unauthenticated) };
    let address = actor.address.map_or_else(String::new, |address| address.to_string());
    let letter = Letter::ApiToken { name: owner.name.clone(), token: row.name.clone(), address };
    mail::post(tx, mail::draft(ctx, &letter, &owner.language)?, &owner, now).await
}

/// From now on the token is refused.
pub async fn revoke(ctx: &Context, actor: &Actor, user_id: i64, id: i64) -> Result<(), Error> {
    let now = ctx.now();
    let revoked = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = customer_token::remove(tx, user_id, id).await?.ok_or(Error::NotFound("token"))?;
            let before = json!({ "name": row.name, "scopes": row.scopes });
            let subject = ("customer_token", id);
            Ok(audit::record(tx, entry(&actor, now, "revoke_api_token", subject, Some(before), None)).await?)
        })
    });
    revoked.await
}

/// A token that holds, and whose it is. Suspended people's don't.
pub async fn of_bearer(ctx: &Context, token: &str) -> Result<Option<(entity::Model, user_entity::Model)>, Error> {
    let now = ctx.now();
    let found = customer_token::by_hash(ctx.store.read(), &hash_token(token)).await?;
    Ok(found.filter(|(row, owner)| !owner.suspended && row.expires_at.is_none_or(|at| at > now)))
}

/// Notes that it is in use, now and then.
pub async fn note_use(ctx: &Context, row: &entity::Model) -> Result<(), Error> {
    let (id, now) = (row.id, ctx.now());
    if row.used_at.is_some_and(|at| now - at < USE_NOTED) {
        return Ok(());
    }
    let noted =
        ctx.store.write_tx::<_, Error>(|tx| Box::pin(async move { Ok(customer_token::touch(tx, id, now).await?) }));
    noted.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_kinds_of_tokens_are_told_apart_by_their_form() {
        let letters = "a".repeat(LETTERS);
        assert!(has_the_form(&format!("brc_{letters}")));
        for other in [format!("brt_{letters}"), letters.clone(), format!("brc_{letters}a"), "brc_".to_owned()] {
            assert!(!has_the_form(&other), "{other}");
        }
        assert!(!has_the_form(&format!("brc_{}é", "a".repeat(LETTERS - 2))));
    }
}
