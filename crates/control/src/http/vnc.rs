//! Console sockets: `/vnc/?token=` carries RFB and `/vnc/serial?token=` a terminal, both in binary frames. `/vnc/` alone
//! is a page that opens the first.
//!
//! The token is all the authority there is: it opens one socket, once, within a minute. A browser also tells which
//! page opens the socket, and only the panel's own pages and configured ones may (cross-site console hijack).

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{
        Request, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection},
    },
    http::{Method, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};
use berth_proto as proto;
use futures::{SinkExt, StreamExt};

use super::{extract::Query, origin, page::base_url, panel::assets};
use crate::{
    Context, Error,
    actions::server_console::{self, ConsoleKind, Look, Opening},
    nodes::console::{self, Console},
};

/// A frame that is larger is refused; RFB's client messages are small.
const FRAME_LIMIT_BYTES: usize = 1 << 20;
/// A client that takes nothing in for so long is gone.
const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// Between pings, which keep proxies from closing a quiet console; and between looks at who may still look.
const PING_EVERY: Duration = Duration::from_secs(20);

/// `commissionStatus` of a server that no build is under way for.
const BUILT: i32 = 3;

pub fn router() -> Router<Context> {
    Router::new().route("/vnc", any(screen)).route("/vnc/", any(screen)).route("/vnc/serial", any(serial))
}

async fn screen(
    State(ctx): State<Context>,
    query: Query,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Result<Response, Error> {
    // A plain GET with a token opens nothing and uses nothing up; without one it asks for the page that opens sockets.
    if upgrade.is_err() && request.method() == Method::GET && query.text("token").is_none() {
        return Ok(assets::viewer(&ctx));
    }
    connect(ctx, query, upgrade, request.into_parts().0, ConsoleKind::Vnc).await
}

async fn serial(
    State(ctx): State<Context>,
    query: Query,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Result<Response, Error> {
    connect(ctx, query, upgrade, request.into_parts().0, ConsoleKind::Serial).await
}

async fn connect(
    ctx: Context,
    query: Query,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Parts,
    kind: ConsoleKind,
) -> Result<Response, Error> {
    let upgrade = upgrade.map_err(|_| Error::MethodNotAllowed)?;
    if !origin::is_ours(&request.headers, &base_url(&ctx, &request), &ctx.config.console_origins) {
        return Err(Error::Forbidden("this page may not open consoles"));
    }
    let token = query.text("token").ok_or(Error::Forbidden("this token is unknown, used or too old"))?;
    let opening = server_console::open(&ctx, kind, token).await?;
    let look = opening.look;
    let console = open_on_node(&ctx, kind, opening).await?;
    let upgrade = upgrade.protocols(["binary"]).max_message_size(FRAME_LIMIT_BYTES).max_frame_size(FRAME_LIMIT_BYTES);
    Ok(upgrade.on_upgrade(move |socket| pump(socket, console, (ctx, look))).into_response())
}

async fn open_on_node(ctx: &Context, kind: ConsoleKind, opening: Opening) -> Result<Console, Error> {
    let kind = match kind {
        ConsoleKind::Vnc => proto::console_open::Kind::Vnc,
        ConsoleKind::Serial => proto::console_open::Kind::Serial,
    };
    let server = &opening.server;
    // Whoever has just switched it on opens it at once, and the node hears of that by a job.
    let told = (kind == proto::console_open::Kind::Vnc && server.commission_status == BUILT)
        .then_some(server.generation.unsigned_abs());
    let open =
        proto::ConsoleOpen { server_uuid: server.uuid.to_string(), kind: kind.into(), vnc_password: opening.password };
    let console = console::open(&ctx.nodes, opening.hypervisor, open, told).await;
    console.map_err(|error| Error::Unavailable(error.to_string()))
}

/// Bytes both ways until one end closes, or whoever looks may do so no more.
async fn pump(socket: WebSocket, console: Console, (ctx, look): (Context, Look)) {
    let (mut to_client, mut from_client) = socket.split();
    let Console { to_guest, mut from_guest } = console;
    let mut ping = tokio::time::interval(PING_EVERY);
    let reason = loop {
        let message = tokio::select! {
            frame = from_guest.recv() => match frame {
                Some(Ok(data)) => Message::Binary(Bytes::from(data)),
                Some(Err(error)) => break error.to_string(),
                None => break "The console was closed.".to_owned(),
            },
            message = from_client.next() => match message {
                Some(Ok(Message::Binary(data))) => {
                    if to_guest.send(data.into()).await.is_err() {
                        break "The console was closed.".to_owned();
                    }
                    continue;
                }
                Some(Ok(Message::Text(text))) => {
                    if to_guest.send(text.as_bytes().to_vec()).await.is_err() {
                        break "The console was closed.".to_owned();
                    }
                    continue;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            _ = ping.tick() => match server_console::may_go_on(&ctx, look).await {
                Ok(false) => break "You may not look at this any more.".to_owned(),
                // A database that is away closes nobody's console.
                Ok(true) | Err(_) => Message::Ping(Bytes::new()),
            },
        };
        match tokio::time::timeout(WRITE_LIMIT, to_client.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    };
    let close = CloseFrame { code: close_code::NORMAL, reason: short(&reason).into() };
    let _ = tokio::time::timeout(WRITE_LIMIT, to_client.send(Message::Close(Some(close)))).await;
}

/// A close frame holds at most 123 bytes of text.
fn short(reason: &str) -> &str {
    let mut end = reason.len().min(120);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_reasons_are_cut_at_a_character() {
        assert!(short(&"ä".repeat(200)).len() <= 120);
    }
}
