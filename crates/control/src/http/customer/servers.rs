//! Servers, one's own and those that are shared with one: what they are, and what they may be built from.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    customer::server::{Server, TemplateFamily, Traffic, WholeServer},
    data::Data,
    page::Page,
};

use super::{caller::Caller, convert, refusal::Refusal};
use crate::{
    Context,
    actions::{server_access, server_read, server_traffic, template_choice},
    http::page::PageRequest,
    rights::Right,
    scopes::Scope,
};

/// List servers, also those that are shared with the account. Takes `servers:read`.
#[utoipa::path(get, path = "/server", tag = "Servers",
    params(("results" = Option<u64>, Query, description = "Rows of a page, 1 to 200; 20 by default."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of servers.", body = Page<Server>)))]
pub async fn list(
    State(ctx): State<Context>,
    caller: Caller,
    page: PageRequest,
) -> Result<Json<Page<Server>>, Refusal> {
    caller.account(Scope::ServersRead)?;
    let (rows, total) = server_access::page(&ctx, caller.user.id, page.offset(), page.results).await?;
    let shown = rows.into_iter().map(|seen| convert::server(seen, ctx.now())).collect();
    Ok(Json(page.wrap(shown, total)))
}

/// Retrieve a server, as it is now. Takes `servers:read`.
#[utoipa::path(get, path = "/server/{serverId}", tag = "Servers",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "The server.", body = Data<WholeServer>),
        (status = 404, description = "There is no such server that you own or share.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
) -> Result<Json<Data<WholeServer>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::View).await?;
    let details = server_read::one(&ctx, &at.actor, at.id()).await?;
    let live = ctx.live.server(at.reached.server.uuid, ctx.now());
    let power = ctx.live.power(&details.server, &details.hypervisor, ctx.now());
    let seen = server_access::Seen { details, rights: at.reached.rights, shared_by: at.reached.shared_by };
    Ok(Json(Data { data: convert::whole(seen, (power, live), ctx.now()) }))
}

/// Retrieve a server's traffic by periods. Takes `servers:read`.
#[utoipa::path(get, path = "/server/{serverId}/traffic", tag = "Servers",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Every period of the last three years, the newest first.",
            body = Data<Traffic>),
        (status = 404, description = "There is no such server that you own or share.")))]
pub async fn traffic(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
) -> Result<Json<Data<Traffic>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::View).await?;
    let used = server_traffic::by_periods(&ctx, &at.actor, at.id()).await?;
    Ok(Json(Data { data: convert::traffic(&used) }))
}

/// List what a server may be built from, by family. Takes `servers:build`.
#[utoipa::path(get, path = "/server/{serverId}/templates", tag = "Servers",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Families with their templates.", body = Data<Vec<TemplateFamily>>),
        (status = 404, description = "There is no such server that you own or share.")))]
pub async fn templates(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
) -> Result<Json<Data<Vec<TemplateFamily>>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::Rebuild).await?;
    let found = template_choice::of_server(&ctx, &at.reached.server).await?;
    Ok(Json(Data { data: found.into_iter().map(convert::family).collect() }))
}
