//! One watcher for each node: says hello, follows its events and its live figures, and begins again when it is cut.

use std::{collections::HashMap, time::Duration};

use berth_proto as proto;
use berth_store::{entity::hypervisor, hypervisor as nodes_store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Node, NodeError};
use crate::{Context, Error, actions::hypervisor_selftest, events, node_metrics, storage_reports};

/// How often new nodes are looked for.
const LOOK: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(30);
const STATS_INTERVAL_MS: u32 = 2_000;

/// Watches every node that is in the table, until `shutdown`.
pub async fn run(ctx: Context, shutdown: CancellationToken) {
    let mut watchers: HashMap<i64, JoinHandle<()>> = HashMap::new();
    loop {
        match nodes_store::commissioned(ctx.store.read()).await {
            Ok(rows) => {
                watchers.retain(|id, watcher| {
                    let stays = rows.iter().any(|row| row.id == *id) && !watcher.is_finished();
                    if !stays {
                        watcher.abort();
                    }
                    stays
                });
                for row in rows {
                    watchers.entry(row.id).or_insert_with(|| tokio::spawn(follow(ctx.clone(), row.id)));
                }
            }
            Err(error) => tracing::warn!(%error, "the nodes can't be listed"),
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    watchers.into_values().for_each(|watcher| watcher.abort());
}

async fn follow(ctx: Context, id: i64) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Ok(Some(row)) = nodes_store::by_id(ctx.store.read(), id).await else { return };
        let (name, uuid) = (row.name.clone(), row.uuid);
        match follow_once(&ctx, row, &mut pause).await {
            Ok(()) => tracing::info!(node = name, "the node closed its streams"),
            // An agent that starts beside the control server is there a moment later.
            Err(error) if pause == FIRST_PAUSE => tracing::info!(node = name, %error, "a node is not followed yet"),
            Err(error) => tracing::warn!(node = name, %error, "a node is not followed"),
        }
        ctx.live.node_gone(uuid);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn follow_once(ctx: &Context, row: hypervisor::Model, pause: &mut Duration) -> Result<(), Error> {
    let node = Node::new(&ctx.nodes, row).map_err(unavailable)?;
    let hello = node.hello(&ctx.cluster.uuid.to_string()).await.map_err(unavailable)?;
    events::store_facts(ctx, &node.row, &hello).await?;
    hypervisor_selftest::ensure_tested(ctx, node.row.id).await?;
    *pause = FIRST_PAUSE;
    tokio::select! {
        ended = follow_events(ctx, &node) => ended,
        ended = follow_stats(ctx, &node) => ended.map_err(unavailable),
    }
}

async fn follow_events(ctx: &Context, node: &Node) -> Result<(), Error> {
    let start = proto::WatchRequest {
        incarnation: node.row.event_incarnation.clone(),
        after_sequence: node.row.event_sequence.unsigned_abs(),
    };
    let mut client = node.client.clone();
    let mut stream = node.within(super::CALL_LIMIT, client.watch(start)).await.map_err(unavailable)?;
    while let Some(event) =
        stream.message().await.map_err(|status| unavailable(NodeError::from_status(&node.row.name, &status)))?
    {
        let position = proto::AcknowledgeRequest { incarnation: event.incarnation.clone(), sequence: event.sequence };
        events::apply(ctx, node.row.id, event).await?;
        node.within(super::CALL_LIMIT, node.client.clone().acknowledge(position)).await.map_err(unavailable)?;
    }
    Ok(())
}

async fn follow_stats(ctx: &Context, node: &Node) -> Result<(), NodeError> {
    let mut client = node.client.clone();
    let request = proto::StatsRequest { interval_ms: STATS_INTERVAL_MS };
    let mut collector = node_metrics::Collector::default();
    let mut storage = storage_reports::Collector::default();
    let mut stream = node.within(super::CALL_LIMIT, client.stats(request)).await?;
    while let Some(sample) = stream.message().await.map_err(|status| NodeError::from_status(&node.row.name, &status))? {
        let now = ctx.now();
        if let Some(minute) = sample.node.as_ref().and_then(|stats| collector.add(stats, now)) {
            node_metrics::write(ctx, node.row.id, minute).await;
        }
        if let Some(stats) = sample.node.as_ref().filter(|stats| storage.is_due(&stats.storage, now)) {
            storage_reports::write(ctx, node.row.id, stats.storage.clone()).await;
        }
        ctx.live.store(node.row.uuid, sample, now);
    }
    Ok(())
}

fn unavailable(error: NodeError) -> Error {
    Error::Unavailable(error.to_string())
}
