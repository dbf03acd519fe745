//! Currencies.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    tokens,
    v1::{
        confirm::Confirm,
        self_service_settings::{CreateCurrency, Currency, UpdateCurrency},
    },
};
use berth_store::{entity::currency as entity, self_service::currency};

use crate::{
    Context, Error,
    actions::self_service::currencies::{self as action, CURRENCY},
    actor::{Ability, Actor},
    http::extract::{self, Body},
    self_service::money::VALUE_DECIMALS,
};

/// Retrieve currencies, all of them.
#[utoipa::path(get, path = "/selfService/currencies", tag = "Self Service",
    responses((status = 200, description = "The currencies.", body = Data<Vec<Currency>>)))]
pub async fn currencies(State(ctx): State<Context>, actor: Actor) -> Result<Json<Data<Vec<Currency>>>, Error> {
    actor.require(Ability::Read)?;
    let all = currency::all(ctx.store.read()).await?;
    Ok(Json(Data { data: all.into_iter().map(shown).collect() }))
}

/// Create a currency.
///
/// An addition of Berth's. The first one is the default.
#[utoipa::path(post, path = "/selfService/currencies", tag = "Self Service", request_body = CreateCurrency,
    responses((status = 201, description = "The currency.", body = Data<Currency>),
        (status = 409, description = "The code is another currency's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_currency(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateCurrency>,
) -> Result<(StatusCode, Json<Data<Currency>>), Error> {
    let row = action::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

/// Change a currency: what is named, nothing else. Reports of the past keep the value that was.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/selfService/currencies/{currencyId}", tag = "Self Service",
    request_body = UpdateCurrency,
    params(("currencyId" = i64, Path, description = "A currency's id.")),
    responses((status = 200, description = "The currency as it is now.", body = Data<Currency>),
        (status = 404, description = "There is no such currency."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update_currency(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateCurrency>,
) -> Result<Json<Data<Currency>>, Error> {
    Ok(Json(Data { data: shown(action::update(&ctx, &actor, extract::id(&id, CURRENCY)?, input).await?) }))
}

/// Remove a currency that no user has.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/selfService/currencies/{currencyId}", tag = "Self Service", request_body = Confirm,
    params(("currencyId" = i64, Path, description = "A currency's id.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such currency."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove_currency(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    action::remove(&ctx, &actor, extract::id(&id, CURRENCY)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> Currency {
    let entity::Model { id, code, value, prefix, suffix, is_default, enabled, created_at: _, updated_at: _ } = row;
    Currency {
        id,
        code,
        value: tokens::text(value, VALUE_DECIMALS),
        prefix: prefix.unwrap_or_default(),
        suffix,
        default: is_default,
        enabled,
    }
}
