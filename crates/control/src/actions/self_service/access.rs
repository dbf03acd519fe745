//! What a customer may do by themselves, and in which currency they see it.

use berth_api::v1::self_service::ChangeAccess;
use berth_store::{
    Tx, audit,
    entity::self_service_account as account_entity,
    self_service::{account, currency, profile},
    user::{self, Change, Relation},
};
use serde_json::json;

use super::customer;
use crate::{
    Context, Error,
    actions::{entry, rules},
    actor::{Ability, Actor},
};

pub async fn change(ctx: &Context, actor: &Actor, relation: &Relation, input: ChangeAccess) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    check(&input)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, relation, input) = (actor.clone(), relation.clone(), input.clone());
        Box::pin(async move {
            let row = customer(tx, &relation).await?;
            let held = account::lock(tx, row.id, now).await?;
            let level = if input.sync_to_profiles {
                of_profiles(tx, row.id).await?
            } else {
                input.self_service.and_then(|level| i32::try_from(level).ok()).unwrap_or(row.self_service)
            };
            let currency_id = match &input.currency {
                None => held.currency_id,
                Some(code) => chosen(tx, code.as_deref()).await?,
            };
            let before = json!({ "selfService": row.self_service, "currency": held.currency_id });
            let after = json!({ "selfService": level, "currency": currency_id });
            let subject = ("user", row.id);
            account::set(tx, account_entity::Model { currency_id, ..held }).await?;
            user::change(tx, row, Change { self_service: Some(level), ..Change::default() }, now).await?;
            let written = entry(&actor, now, "change_self_service_access", subject, Some(before), Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    changed.await
}

fn check(input: &ChangeAccess) -> Result<(), Error> {
    let mut errors = Vec::new();
    if let Some(level) = input.self_service {
        rules::within(&mut errors, "selfService", level, 0..=3);
        if input.sync_to_profiles {
            errors.push("The selfService can't be named where syncToProfiles is true.".to_owned());
        }
    }
    rules::done(errors)
}

/// 1 by an hourly profile, 2 by a resource profile, 3 by both.
async fn of_profiles(tx: &Tx, user_id: i64) -> Result<i32, Error> {
    let mut level = 0;
    for (kind, bit) in [(profile::HOURLY, 1), (profile::RESOURCE, 2)] {
        let has = profile::of_users(tx, kind, &[user_id]).await?.iter().any(|(_, row)| row.enabled);
        level += if has { bit } else { 0 };
    }
    Ok(level)
}

async fn chosen(tx: &Tx, code: Option<&str>) -> Result<Option<i64>, Error> {
    let Some(code) = code else { return Ok(None) };
    let code = code.trim().to_ascii_uppercase();
    let all = currency::all(tx).await?;
    let row = all.into_iter().find(|row| row.enabled && row.code == code);
    let row = row.ok_or_else(|| Error::invalid("The currency must be the code of an enabled currency."))?;
    Ok(Some(row.id))
}
