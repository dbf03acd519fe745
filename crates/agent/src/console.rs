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

use crate::{agent::Agent, libvirt::State};

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
    if open.kind() == Kind::Serial {
        agent.take_serial(&open.server_uuid, end.clone());
    }
    let connected = tokio::time::timeout(OPEN_LIMIT, UnixStream::connect(&socket)).await;
    let connected = connected.map_err(|_| Status::unavailable("the guest's console does not answer"))?;
    let stream =
        connected.map_err(|error| Status::unavailable(format!("the guest's console does not answer: {error}")))?;
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
                return Err(Status::permission_denied("console access is off for this server"));
            }
            set_vnc_password(agent, &name, &open.vnc_password).await?;
            Ok(agent.paths.vnc_socket(uuid))
        }
        Kind::Unspecified => Err(Status::invalid_argument("the kind of console is not known")),
    }
}

/// The display takes nobody without this password, and nobody after it expired.
async fn set_vnc_password(agent: &Agent, domain: &str, password: &str) -> Result<(), Status> {
    if password.is_empty() || password.len() > PASSWORD_CHARS {
        return Err(Status::invalid_argument(format!("a VNC password has 1 to {PASSWORD_CHARS} characters")));
    }
    let unavailable = |error: crate::libvirt::HostError| Status::unavailable(error.to_string());
    let set = json!({ "execute": "set_password", "arguments": { "protocol": "vnc", "password": password } });
    agent.libvirt.monitor(domain, &set).await.map_err(unavailable)?;
    let expire = json!({ "execute": "expire_password", "arguments": { "protocol": "vnc", "time": format!("+{PASSWORD_LIFE_S}") } });
    agent.libvirt.monitor(domain, &expire).await.map_err(unavailable)
}
