//! Processors that are used fairly.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    v1::cpu_fairness::{CpuFairness, ServerCpuFairness},
};

use crate::{
    Context, Error,
    actions::cpu_fairness,
    actor::Actor,
    http::extract::{self, Body},
};

/// Retrieve how long a package's servers may use how much of their processors.
#[utoipa::path(get, path = "/packages/{packageId}/cpuFairness", tag = "Packages", operation_id = "retrieve_cpu_fairness",
    params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 200, description = "All zero where they use what they can.", body = Data<CpuFairness>),
        (status = 404, description = "There is no such package.")))]
pub async fn of_package(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<CpuFairness>>, Error> {
    let data = cpu_fairness::of_package(&ctx, &actor, extract::id(&id, "package")?).await?;
    Ok(Json(Data { data }))
}

/// Set how long a package's servers may use how much of their processors.
///
/// A server that used more than the share for so many minutes without a break is throttled, which stands in the audit
/// log as `throttle_cpu`; it is lifted by itself.
#[utoipa::path(put, path = "/packages/{packageId}/cpuFairness", tag = "Packages", operation_id = "set_cpu_fairness",
    request_body = CpuFairness, params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 204, description = "It holds for servers that there are, too."),
        (status = 404, description = "There is no such package."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn set_of_package(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<CpuFairness>,
) -> Result<StatusCode, Error> {
    cpu_fairness::set_of_package(&ctx, &actor, extract::id(&id, "package")?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve what a server uses of its processors, what it waits for them, and whether it is throttled for it.
#[utoipa::path(get, path = "/servers/{serverId}/cpuFairness", tag = "Servers", operation_id = "server_cpu_fairness",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "How it stands.", body = Data<ServerCpuFairness>),
        (status = 404, description = "There is no such server.")))]
pub async fn of_server(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<ServerCpuFairness>>, Error> {
    let data = cpu_fairness::of_server(&ctx, &actor, extract::id(&id, "server")?).await?;
    Ok(Json(Data { data }))
}
