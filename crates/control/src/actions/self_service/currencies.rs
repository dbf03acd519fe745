//! Currencies, and what a token is worth in each.

use berth_api::{
    tokens,
    v1::{
        confirm::Confirm,
        self_service_settings::{CreateCurrency, UpdateCurrency},
    },
};
use berth_store::{
    audit,
    entity::currency::Model,
    self_service::currency::{self, NewCurrency},
};
use serde_json::{Value, json};

use crate::{
    Context, Error,
    actions::{differences, entry, rules},
    actor::{Ability, Actor},
    self_service::money::VALUE_DECIMALS,
};

pub const CURRENCY: &str = "currency";
const MOST_CHARS: usize = 10;
/// 1,000,000 of a currency for a token.
const MOST_VALUE: i64 = 10_000_000_000_000_000;

pub async fn create(ctx: &Context, actor: &Actor, input: CreateCurrency) -> Result<Model, Error> {
    actor.require(Ability::Admin)?;
    let CreateCurrency { code, value, prefix, suffix, default, enabled } = input;
    let mut errors = Vec::new();
    let code = code.trim().to_ascii_uppercase();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        errors.push("The code must have three letters, such as USD.".to_owned());
    }
    let value = self::value(&mut errors, value.as_deref().unwrap_or_default());
    let (prefix, suffix) = (affix(&mut errors, "prefix", prefix), affix(&mut errors, "suffix", suffix));
    rules::done(errors)?;
    let now = ctx.now();
    let new = NewCurrency {
        code,
        value,
        prefix,
        suffix,
        is_default: default.unwrap_or(false),
        enabled: enabled.unwrap_or(true),
        now,
    };
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, mut new) = (actor.clone(), new.clone());
        Box::pin(async move {
            new.is_default |= currency::all(tx).await?.is_empty();
            if new.is_default && !new.enabled {
                return Err(Error::invalid("The enabled field must be true: the default currency can't be disabled."));
            }
            let row = currency::insert(tx, new).await?;
            let after = Some(told(&row));
            audit::record(tx, entry(&actor, now, "create_currency", (CURRENCY, row.id), None, after)).await?;
            Ok(row)
        })
    });
    made.await.map_err(|error| match error {
        Error::Store(store) if store.violates("currencies", &["code"]) => {
            Error::Conflict("A currency of that code exists already.".to_owned())
        }
        other => other,
    })
}

/// Another value holds from now on; reports of the past keep theirs.
pub async fn update(ctx: &Context, actor: &Actor, id: i64, input: UpdateCurrency) -> Result<Model, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            let row = currency::by_id(tx, id).await?.ok_or(Error::NotFound(CURRENCY))?;
            let changed = apply(row.clone(), input)?;
            let Some((before, after)) = differences(told(&row), told(&changed)) else { return Ok(row) };
            let changed = currency::update(tx, changed, now).await?;
            let written = entry(&actor, now, "update_currency", (CURRENCY, id), Some(before), Some(after));
            audit::record(tx, written).await?;
            Ok(changed)
        })
    });
    changed.await
}

/// Refused for the default, and while customers chose it.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    currency::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound(CURRENCY))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = currency::by_id(tx, id).await?.ok_or(Error::NotFound(CURRENCY))?;
            if row.is_default && currency::all(tx).await?.len() > 1 {
                return Err(Error::invalid(
                    "The default currency can't be removed; make another one the default first.",
                ));
            }
            let users = currency::uses(tx, id).await?;
            if users > 0 {
                return Err(Error::invalid(format!("{users} users have the currency {}.", row.code)));
            }
            currency::remove(tx, id).await?;
            let before = Some(told(&row));
            Ok(audit::record(tx, entry(&actor, now, "remove_currency", (CURRENCY, id), before, None)).await?)
        })
    });
    removed.await
}

fn apply(mut row: Model, input: UpdateCurrency) -> Result<Model, Error> {
    let UpdateCurrency { value, prefix, suffix, default, enabled } = input;
    let mut errors = Vec::new();
    if let Some(text) = value {
        row.value = self::value(&mut errors, &text);
    }
    if let Some(prefix) = prefix {
        row.prefix = affix(&mut errors, "prefix", prefix);
    }
    if let Some(suffix) = suffix {
        row.suffix = affix(&mut errors, "suffix", suffix);
    }
    if row.is_default && default == Some(false) {
        errors.push("The default field must be true; make another currency the default instead.".to_owned());
    }
    row.is_default |= default == Some(true);
    row.enabled = enabled.unwrap_or(row.enabled);
    if row.is_default && !row.enabled {
        errors.push("The enabled field must be true: the default currency can't be disabled.".to_owned());
    }
    rules::done(errors)?;
    Ok(row)
}

fn value(errors: &mut Vec<String>, text: &str) -> i64 {
    let value = tokens::parse(text, VALUE_DECIMALS).filter(|value| (1..=MOST_VALUE).contains(value));
    if value.is_none() {
        errors.push("The value must be above 0 and at most 1000000, with at most ten decimals.".to_owned());
    }
    value.unwrap_or(1)
}

fn affix(errors: &mut Vec<String>, field: &str, text: Option<String>) -> Option<String> {
    let text = text.filter(|text| !text.is_empty());
    if let Some(text) = &text {
        rules::text(errors, field, text, 1, MOST_CHARS);
    }
    text
}

fn told(row: &Model) -> Value {
    json!({
        "code": row.code,
        "value": tokens::text(row.value, VALUE_DECIMALS),
        "prefix": row.prefix,
        "suffix": row.suffix,
        "default": row.is_default,
        "enabled": row.enabled,
    })
}
