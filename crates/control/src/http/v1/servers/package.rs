//! What package a server is of.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::v1::server_change::{ChangePackage, PackageChanged};

use super::SERVER;
use crate::{
    Context, Error,
    actions::server_package,
    actor::Actor,
    http::extract::{self, Body},
};

/// Change a server's package.
///
/// Takes over what the package says, as far as the body does not exclude it. Disks only grow. What a running guest can't
/// take waits for a power action and shows among the pending ones.
#[utoipa::path(put, path = "/servers/{serverId}/package/{packageId}", tag = "Servers", request_body = ChangePackage,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("packageId" = i64, Path, description = "A package's id.")),
    responses(
        (status = 200, description = "It is of the package, with a sentence for what stays as it was.",
            body = PackageChanged),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "There is no such package, it is disabled, or the node lacks what it takes."),
    ))]
pub async fn package(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, package)): Path<(String, String)>,
    Body(input): Body<ChangePackage>,
) -> Result<Json<PackageChanged>, Error> {
    let server_id = extract::id(&id, SERVER)?;
    // No package has the id 0.
    let package_id = extract::id(&package, "package").unwrap_or(0);
    let info = server_package::change(&ctx, &actor, server_id, package_id, input).await?;
    Ok(Json(PackageChanged { info }))
}
