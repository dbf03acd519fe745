//! Access to consoles.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    v1::{
        server_console::{ConsoleSocket, SerialConsole, Vnc, VncAccess, VncSwitched},
        server_input::SwitchVnc,
    },
};

use super::{Door, SERVER};
use crate::{
    Context, Error,
    actions::server_console::{self, Access},
    actor::Actor,
    http::extract::{self, Body},
};

/// Retrieve how to open a server's screen.
#[utoipa::path(get, path = "/servers/{serverId}/vnc", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "A token for one socket, within 60 seconds.", body = Data<VncAccess>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The server was never built."),
        (status = 423, description = "The server is suspended."),
    ))]
pub async fn vnc(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    Path(id): Path<String>,
) -> Result<Json<Data<VncAccess>>, Error> {
    let access = server_console::vnc(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    Ok(Json(Data { data: VncAccess { vnc: screen(access, door) } }))
}

/// Switch a server's screen on or off, and make a new token and password.
#[utoipa::path(post, path = "/servers/{serverId}/vnc", tag = "Servers", request_body = SwitchVnc,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "A token for one socket, within 60 seconds.", body = Data<VncSwitched>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The action is not known, or the server was never built."),
        (status = 423, description = "The server is suspended."),
    ))]
pub async fn switch_vnc(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    Path(id): Path<String>,
    Body(input): Body<SwitchVnc>,
) -> Result<Json<Data<VncSwitched>>, Error> {
    let access = server_console::switch_vnc(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(Json(Data { data: VncSwitched { vnc: screen(access, door), queue_id: None } }))
}

/// Open a server's serial console.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/servers/{serverId}/console", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "A token for one socket, within 60 seconds.", body = Data<SerialConsole>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The server was never built."),
        (status = 423, description = "The server is suspended."),
    ))]
pub async fn serial(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<SerialConsole>>, Error> {
    let access = server_console::serial(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    let url = format!("/vnc/serial?token={}", access.token);
    Ok(Json(Data { data: SerialConsole { wss: ConsoleSocket { token: access.token, url } } }))
}

fn screen(access: Access, door: Door) -> Vnc {
    let url = format!("/vnc/?token={}", access.token);
    Vnc {
        hostname: door.hostname(),
        ip: door.host,
        port: door.port,
        password: access.password,
        wss: ConsoleSocket { token: access.token, url },
        enabled: access.enabled,
    }
}
