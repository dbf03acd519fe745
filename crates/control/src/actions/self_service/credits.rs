//! Credit of customers: given, taken back, and shown.

use berth_api::{
    tokens::{MICRO, Tokens},
    v1::self_service::AddCredit,
};
use berth_store::{
    audit,
    entity::credit as entity,
    self_service::credit::{self, NewCredit},
    user::{self, Relation},
};
use serde_json::{Value, json};

use super::customer;
use crate::{
    Context, Error,
    actions::{entry, rules},
    actor::{Ability, Actor},
    self_service::run_out,
};

pub const CREDIT: &str = "credit";
/// A thousand million tokens.
const MOST_MICRO: i64 = 1_000_000_000 * MICRO;
const MOST_CHARS: usize = 1_000;

/// Below zero it takes credit away. Answers its id.
pub async fn add(ctx: &Context, actor: &Actor, relation: &Relation, input: AddCredit) -> Result<i64, Error> {
    actor.require(Ability::Admin)?;
    let AddCredit { tokens: Tokens(amount_micro), reference_1, reference_2 } = input;
    let reference_2 = reference_2.filter(|text| !text.is_empty());
    let mut errors = Vec::new();
    if amount_micro == 0 || !(-MOST_MICRO..=MOST_MICRO).contains(&amount_micro) {
        errors.push("The tokens must be between -1000000000 and 1000000000, and not 0.".to_owned());
    }
    if let Some(text) = &reference_2 {
        rules::text(&mut errors, "reference_2", text, 0, MOST_CHARS);
    }
    rules::done(errors)?;
    let now = ctx.now();
    let added = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, relation, reference_2) = (actor.clone(), relation.clone(), reference_2.clone());
        Box::pin(async move {
            let user_id = customer(tx, &relation).await?.id;
            let row = credit::insert(tx, NewCredit { user_id, amount_micro, reference_1, reference_2, now }).await?;
            let action = if amount_micro < 0 { "take_credit" } else { "add_credit" };
            let after = Some(told(&row));
            audit::record(tx, entry(&actor, now, action, (CREDIT, row.id), None, after)).await?;
            Ok(row)
        })
    });
    let row = added.await?;
    look_at(ctx, row.user_id).await;
    Ok(row.id)
}

/// One that was cancelled is not there any more.
pub async fn cancel(ctx: &Context, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let cancelled = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = credit::by_id(tx, id).await?.ok_or(Error::NotFound(CREDIT))?;
            if !credit::cancel(tx, &row, now).await? {
                return Err(Error::NotFound(CREDIT));
            }
            let before = Some(told(&row));
            audit::record(tx, entry(&actor, now, "cancel_credit", (CREDIT, id), before, None)).await?;
            Ok(row.user_id)
        })
    });
    let user_id = cancelled.await?;
    look_at(ctx, user_id).await;
    Ok(())
}

/// What it comes to is done at once; where that fails the scheduler does it within a minute.
async fn look_at(ctx: &Context, user_id: i64) {
    if let Err(error) = run_out::look_at(ctx, user_id).await {
        tracing::warn!(user = user_id, %error, "servers don't follow their owner's credit yet");
    }
}

pub async fn of_user(
    ctx: &Context,
    actor: &Actor,
    relation: &Relation,
) -> Result<berth_store::entity::user::Model, Error> {
    actor.require(Ability::Read)?;
    user::by_relation(ctx.store.read(), relation).await?.ok_or(Error::NotFound("ext_relation_id"))
}

fn told(row: &entity::Model) -> Value {
    json!({
        "user": row.user_id,
        "microTokens": row.amount_micro,
        "reference_1": row.reference_1,
        "reference_2": row.reference_2,
    })
}
