//! Access to consoles.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    customer::order::{Screen, ScreenAccess, ScreenDoor, SerialAccess, Socket},
    data::Data,
    v1::server_input::SwitchVnc,
};

use super::{caller::Caller, refusal::Refusal};
use crate::{
    Context,
    actions::server_console::{self, Access},
    http::{extract::Body, page::BaseUrl},
    rights::Right,
};

/// Retrieve how to open a server's screen. Takes `servers:console`.
#[utoipa::path(get, path = "/server/{serverId}/vnc", tag = "Consoles",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Opens one socket within 60 seconds.", body = Data<ScreenAccess>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "It is suspended.")))]
pub async fn vnc(
    State(ctx): State<Context>,
    caller: Caller,
    url: BaseUrl,
    Path(uuid): Path<String>,
) -> Result<Json<Data<ScreenAccess>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::Console).await?;
    let access = server_console::vnc(&ctx, &at.actor, at.id()).await?;
    Ok(Json(Data { data: screen(access, &url) }))
}

/// Switch a server's screen on or off, and make a new token and password. Takes `servers:console`.
#[utoipa::path(post, path = "/server/{serverId}/vnc", tag = "Consoles", request_body = Screen,
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Opens one socket within 60 seconds.", body = Data<ScreenAccess>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "The action is not known, or the server was never built."),
        (status = 423, description = "It is suspended.")))]
pub async fn switch_vnc(
    State(ctx): State<Context>,
    caller: Caller,
    url: BaseUrl,
    Path(uuid): Path<String>,
    Body(input): Body<Screen>,
) -> Result<Json<Data<ScreenAccess>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::Console).await?;
    let input = SwitchVnc { action: input.action, ..SwitchVnc::default() };
    let access = server_console::switch_vnc(&ctx, &at.actor, at.id(), input).await?;
    Ok(Json(Data { data: screen(access, &url) }))
}

/// Open a server's serial console. Takes `servers:console`.
#[utoipa::path(post, path = "/server/{serverId}/console", tag = "Consoles",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Opens one socket within 60 seconds.", body = Data<SerialAccess>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "It is suspended.")))]
pub async fn serial(
    State(ctx): State<Context>,
    caller: Caller,
    url: BaseUrl,
    Path(uuid): Path<String>,
) -> Result<Json<Data<SerialAccess>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::Console).await?;
    let access = server_console::serial(&ctx, &at.actor, at.id()).await?;
    Ok(Json(Data { data: SerialAccess { wss: socket(&url, "/vnc/serial", access.token) } }))
}

fn screen(access: Access, url: &BaseUrl) -> ScreenAccess {
    let Access { token, password, enabled } = access;
    ScreenAccess { vnc: ScreenDoor { enabled, password, wss: socket(url, "/vnc/", token) } }
}

fn socket(BaseUrl(url): &BaseUrl, door: &str, token: String) -> Socket {
    let url = url.strip_prefix("http").map_or_else(|| url.clone(), |rest| format!("ws{rest}"));
    Socket { url: format!("{url}{door}?token={token}"), token }
}
