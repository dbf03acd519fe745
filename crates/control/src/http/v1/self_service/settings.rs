//! How self service is set up, and what packages cost by the hour.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    v1::self_service_settings::{ChangeSelfServiceSettings, PackagePrice, SelfServiceSettings, SetPackagePrice},
};

use crate::{
    Context, Error,
    actions::self_service::{prices, settings as action},
    actor::Actor,
    http::extract::{self, Body},
};

/// Retrieve the settings of self service.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/settings", tag = "Self Service",
    responses((status = 200, description = "The settings.", body = Data<SelfServiceSettings>)))]
pub async fn settings(State(ctx): State<Context>, actor: Actor) -> Result<Json<Data<SelfServiceSettings>>, Error> {
    Ok(Json(Data { data: action::retrieve(&ctx, &actor).await? }))
}

/// Change settings of self service: what is named, nothing else.
///
/// An addition of Berth's. Prices hold from the next hour; hours that were stay as they are.
#[utoipa::path(put, path = "/selfService/settings", tag = "Self Service", request_body = ChangeSelfServiceSettings,
    responses((status = 200, description = "The settings as they are now.", body = Data<SelfServiceSettings>),
        (status = 422, description = "Which values are wrong.")))]
pub async fn change_settings(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<ChangeSelfServiceSettings>,
) -> Result<Json<Data<SelfServiceSettings>>, Error> {
    Ok(Json(Data { data: action::change(&ctx, &actor, input).await? }))
}

/// Retrieve what a package costs by the hour.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/packages/{packageId}/price", tag = "Packages",
    params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 200, description = "Tokens a month.", body = Data<PackagePrice>),
        (status = 404, description = "There is no such package.")))]
pub async fn package_price(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<PackagePrice>>, Error> {
    Ok(Json(Data { data: prices::of_package(&ctx, &actor, extract::id(&id, "package")?).await? }))
}

/// Say what a package costs by the hour.
///
/// An addition of Berth's. A month's price, billed by the hour from the next one on.
#[utoipa::path(put, path = "/packages/{packageId}/price", tag = "Packages", request_body = SetPackagePrice,
    params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 204, description = "It has that price."),
        (status = 404, description = "There is no such package."),
        (status = 422, description = "What a price may be.")))]
pub async fn set_package_price(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<SetPackagePrice>,
) -> Result<StatusCode, Error> {
    prices::set_of_package(&ctx, &actor, extract::id(&id, "package")?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}
