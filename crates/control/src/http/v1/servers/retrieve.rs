//! Reading one server.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{data::Data, v1::server::Server};

use super::{Door, SERVER, whole};
use crate::{
    Context, Error,
    actions::server_read,
    actor::Actor,
    http::extract::{self, Query},
};

/// Retrieve a server.
#[utoipa::path(get, path = "/servers/{serverId}", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("remoteState" = Option<bool>, Query, description = "Also what it does at this moment.")),
    responses(
        (status = 200, description = "The whole server.", body = Data<Server>),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    query: Query,
    Path(id): Path<String>,
) -> Result<Json<Data<Server>>, Error> {
    let details = server_read::one(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    let data = whole(&ctx, &actor, door, details, query.flag("remoteState")?)?;
    Ok(Json(Data { data }))
}
