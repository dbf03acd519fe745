//! An administrator's own XML.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::v1::server_custom_xml::SetCustomXml;

use super::{SERVER, trial};
use crate::{
    Context, Error,
    actions::server_custom_xml,
    actor::Actor,
    http::extract::{self, Body},
};

/// Set a server's custom XML.
///
/// Tried by the server's node before it is kept, and merged into the server's definition at its next start.
#[utoipa::path(post, path = "/servers/{serverId}/customXML", tag = "Servers", request_body = SetCustomXml,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "It is kept.", body = String),
        (status = 404, description = "There is no such server."),
        (status = 409, description = "Somebody else changed it meanwhile."),
        (status = 422, description = "Why the node would not take it, in libvirt's words.")))]
pub async fn set_custom_xml(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<SetCustomXml>,
) -> Result<Json<&'static str>, Error> {
    let proposal = server_custom_xml::propose(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    trial::judge(&ctx, &proposal.trial, "The custom XML").await?;
    server_custom_xml::keep(&ctx, &actor, proposal).await?;
    Ok(Json(""))
}
