//! Consoles of guests: bytes between a stream and a socket that only this node can reach.

use std::{path::PathBuf, sync::Arc, time::Duration};

use berth_proto::{self as proto, console_open::Kind};
use futures::Stream;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::{
    agent::Agent,
    libvirt::{HostError, State},
};

const OPEN_LIMIT: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 32 << 10;
const IN_FLIGHT: usize = 32;
/// RFB's own limit on a password.
const PASSWORD_CHARS: usize = 8;
/// New connections with the password are taken for this long.
const PASSWORD_LIFE_S: u32 = 60;

pub async fn open(
    agent: &Arc<Agent>,
    mut frames: Streaming<proto::ConsoleFrame>,
) -> Result<impl Stream<Item = Result<proto::ConsoleFrame, Status>> + use<>, Status> {
    let first = tokio::time::timeout(OPEN_LIMIT, frames.message()).await;
    let first = first.map_err(|_| Status::deadline_exceeded("nobody said which console"))??;
    let open = first
        .and_then(|frame| frame.open)
        .ok_or_else(|| Status::invalid_argument("the first message says which console"))?;
    let socket = socket(agent, &open).await?;
    // Ends both directions, from either of them or because somebody else took the console over.
    let end = CancellationToken::new();
    match open.kind() {
        Kind::Serial => agent.take_serial(&open.server_uuid, end.clone()),
        _ => agent.add_screen(&open.server_uuid, end.clone()),
    }
    let connected = tokio::time::timeout(OPEN_LIMIT, UnixStream::connect(&socket)).await;
    let connected = connected.map_err(|_| Status::unavailable("the guest's console does not answer"))?;
    let stream =
        connected.map_err(|error| Status::unavailable(format!("the guest's console does not answer: {error}")))?;
    if open.kind() == Kind::Vnc && !screen_is_on(agent, &open.server_uuid) {
        // It was switched off while this opened.
        return Err(no_screen());
    }
    let (mut from_guest, mut to_guest) = stream.into_split();
    let (sender, receiver) = tokio::sync::mpsc::channel(IN_FLIGHT);
    let ended = end.clone().drop_guard();
    tokio::spawn(end.clone().run_until_cancelled_owned(async move {
        while let Ok(Some(frame)) = frames.message().await {
            if to_guest.write_all(&frame.data).await.is_err() {
                return;
            }
        }
        let _ = to_guest.shutdown().await;
    }));
    tokio::spawn(end.run_until_cancelled_owned(async move {
        let _ended = ended;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = tokio::select! {
                read = from_guest.read(&mut buffer) => read,
                () = sender.closed() => return,
            };
            let Ok(count @ 1..) = read else { return };
            let frame = proto::ConsoleFrame { open: None, data: buffer[..count].to_vec() };
            if sender.send(Ok(frame)).await.is_err() {
                return;
            }
        }
    }));
    Ok(ReceiverStream::new(receiver))
}

async fn socket(agent: &Arc<Agent>, open: &proto::ConsoleOpen) -> Result<PathBuf, Status> {
    let uuid = &open.server_uuid;
    let entry = agent.ledger.get(uuid).filter(|entry| entry.tombstone.is_none());
    let spec =
        entry.and_then(|entry| entry.spec()).ok_or_else(|| Status::not_found("the server is not on this node"))?;
    let name = agent.domain(uuid);
    let state = agent.libvirt.state(&name).await.map_err(|error| Status::unavailable(error.to_string()))?;
    if !matches!(state, State::Running | State::Paused | State::ShuttingDown) {
        return Err(Status::failed_precondition("the server is off"));
    }
    match open.kind() {
        Kind::Serial => Ok(agent.paths.serial_socket(uuid)),
        Kind::Vnc => {
            if !spec.vnc_enabled {
                return Err(no_screen());
            }
            set_vnc_password(agent, &name, &open.vnc_password).await?;
            Ok(agent.paths.vnc_socket(uuid))
        }
        Kind::Unspecified => Err(Status::invalid_argument("the kind of console is not known")),
    }
}

fn no_screen() -> Status {
    Status::permission_denied("console access is off for this server")
}

fn screen_is_on(agent: &Agent, uuid: &str) -> bool {
    agent.ledger.get(uuid).and_then(|entry| entry.spec()).is_some_and(|spec| spec.vnc_enabled)
}

/// Ends what a server's screen is looked at with, where its specification says that nobody may: open consoles are cut,
/// and the password that they came with opens nothing any more. A specification that came meanwhile may say otherwise,
/// and consoles may have been opened since.
pub async fn ensure_screen(agent: &Agent, spec: &proto::ServerSpec) -> Result<(), HostError> {
    if spec.vnc_enabled || screen_is_on(agent, &spec.server_uuid) || !agent.close_screens(&spec.server_uuid) {
        return Ok(());
    }
    let name = agent.domain(&spec.server_uuid);
    let expire = json!({ "execute": "expire_password", "arguments": { "protocol": "vnc", "time": "now" } });
    match agent.libvirt.monitor(&name, &expire).await {
        // A guest that is off has no display.
        Err(error) if !error.is_refusal() => Err(error),
        _ => Ok(()),
    }
}

/// The display takes nobody without this password, and nobody after it expired.
async fn set_vnc_password(agent: &Agent, domain: &str, password: &str) -> Result<(), Status> {
    if password.is_empty() || password.len() > PASSWORD_CHARS {
        return Err(Status::invalid_argument(format!("a VNC password has 1 to {PASSWORD_CHARS} characters")));
    }
    let unavailable = |error: HostError| Status::unavailable(error.to_string());
    let set = json!({ "execute": "set_password", "arguments": { "protocol": "vnc", "password": password } });
    agent.libvirt.monitor(domain, &set).await.map_err(unavailable)?;
    let expire = json!({ "execute": "expire_password", "arguments": { "protocol": "vnc", "time": format!("+{PASSWORD_LIFE_S}") } });
    agent.libvirt.monitor(domain, &expire).await.map_err(unavailable)
}
