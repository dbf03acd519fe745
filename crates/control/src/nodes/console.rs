//! A guest's console through its node: bytes both ways.

use std::time::Duration;

use berth_proto as proto;
use berth_store::entity::hypervisor;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{CALL_LIMIT, Node, NodeError, Nodes, Poll};

/// Frames on their way in one direction.
const IN_FLIGHT: usize = 32;
/// How long a node may take to hear that a console was switched on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until the node knows the specification of this generation, or can't be asked.
async fn has_heard(node: &Node, server_uuid: &str, generation: u64) {
    let mut poll = Poll::default();
    loop {
        match node.observe(server_uuid).await {
            Ok(Some(seen)) if seen.desired_generation < generation => poll.pause().await,
            _ => return,
        }
    }
}

pub struct Console {
    /// Bytes for the guest; closing it closes the console.
    pub to_guest: mpsc::Sender<Vec<u8>>,
    /// Bytes from the guest; ends when the node or the guest closes the console.
    pub from_guest: mpsc::Receiver<Result<Vec<u8>, NodeError>>,
}

/// Opens a console; errors that the node tells at once are answered here. `told` is the generation that the node must
/// have heard of for the console to open.
pub async fn open(
    nodes: &Nodes,
    row: hypervisor::Model,
    open: proto::ConsoleOpen,
    told: Option<u64>,
) -> Result<Console, NodeError> {
    let node = Node::new(nodes, row)?;
    if let Some(generation) = told {
        // What it has not heard by then it may hear later; it says what it thinks of the console itself.
        let _ = tokio::time::timeout(PATIENCE, has_heard(&node, &open.server_uuid, generation)).await;
    }
    let (to_guest, mut outgoing) = mpsc::channel::<Vec<u8>>(IN_FLIGHT);
    let (frames, stream) = mpsc::channel(IN_FLIGHT);
    let first = proto::ConsoleFrame { open: Some(open), data: Vec::new() };
    let _ = frames.send(first).await;
    tokio::spawn(async move {
        while let Some(data) = outgoing.recv().await {
            if frames.send(proto::ConsoleFrame { open: None, data }).await.is_err() {
                return;
            }
        }
    });
    let mut client = node.client.clone();
    let mut incoming = node.within(CALL_LIMIT, client.console(ReceiverStream::new(stream))).await?;
    let (sender, from_guest) = mpsc::channel(IN_FLIGHT);
    let name = node.row.name.clone();
    tokio::spawn(async move {
        loop {
            let frame = match incoming.message().await {
                Ok(Some(frame)) => Ok(frame.data),
                Ok(None) => return,
                Err(status) => Err(NodeError::from_status(&name, &status)),
            };
            let failed = frame.is_err();
            if sender.send(frame).await.is_err() || failed {
                return;
            }
        }
    });
    Ok(Console { to_guest, from_guest })
}
