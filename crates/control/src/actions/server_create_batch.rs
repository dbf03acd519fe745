//! Creates that arrive while another is being written share the next transaction.
//!
//! A durable commit waits for the disk, and a database has one writer (SQLite) or writers that collide on the same
//! node (PostgreSQL): so creates wait here, in the order they came, and whoever's turn it is writes all that wait.
//! When one of them fails, all are rolled back and each is tried by itself.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use berth_store::{AsStoreError, StoreError, Tx, server_details::ServerDetails};
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::server_create::{Locked, Work};
use crate::{Context, Error};

/// Creates in one transaction: a bound on how long it holds the database.
const TOGETHER: usize = 24;

#[derive(Default)]
pub struct Creates {
    waiting: Mutex<Vec<Waiting>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Waiting {
    work: Arc<Work>,
    answer: oneshot::Sender<Result<ServerDetails, Refused>>,
}

/// Why a server was not created on a node.
pub(super) enum Refused {
    /// The node filled up meanwhile, or has no addresses left: perhaps another one takes it.
    Node(Vec<String>),
    /// So it would be on every other one.
    Everywhere(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Everywhere(error)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Everywhere(error.into())
    }
}

impl AsStoreError for Refused {
    fn as_store_error(&self) -> Option<&StoreError> {
        match self {
            Refused::Node(_) => None,
            Refused::Everywhere(error) => error.as_store_error(),
        }
    }
}

impl Creates {
    /// Carries out one create, perhaps together with others.
    pub(super) async fn run(&self, ctx: &Context, work: Arc<Work>) -> Result<ServerDetails, Refused> {
        let (answer, mut outcome) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { work, answer });
        loop {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            match outcome.try_recv() {
                Ok(outcome) => return outcome,
                Err(TryRecvError::Closed) => {
                    return Err(Error::from(anyhow::anyhow!("a batch of creates ended early")).into());
                }
                Err(TryRecvError::Empty) => {}
            }
            let batch = self.next_batch();
            let ctx = ctx.clone();
            // A task of its own: when this request is cancelled, the others of the batch are not.
            let written = tokio::spawn(async move {
                write_batch(&ctx, batch).await;
                drop(turn);
            });
            written.await.map_err(|error| Error::Internal(error.into()))?;
        }
    }

    /// Those that have waited longest, without those whose request has gone away.
    fn next_batch(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|waiting| !waiting.answer.is_closed());
        let together = waiting.len().min(TOGETHER);
        let mut batch: Vec<_> = waiting.drain(..together).collect();
        // Nodes are locked in one order everywhere, so that two control servers don't wait for each other.
        batch.sort_by_key(|waiting| waiting.work.hypervisor_id());
        batch
    }
}

async fn write_batch(ctx: &Context, batch: Vec<Waiting>) {
    let works: Vec<_> = batch.iter().map(|waiting| Arc::clone(&waiting.work)).collect();
    match write(ctx, works).await {
        Ok(created) => {
            for (waiting, created) in batch.into_iter().zip(created) {
                let _ = waiting.answer.send(Ok(created));
            }
        }
        Err(error) if batch.len() <= 1 => {
            if let Some(waiting) = batch.into_iter().next() {
                let _ = waiting.answer.send(Err(error));
            }
        }
        Err(_) => {
            for Waiting { work, answer } in batch {
                let created = write(ctx, vec![work]).await;
                let one = created.and_then(|mut created| {
                    created.pop().ok_or_else(|| Error::from(anyhow::anyhow!("a create answered nothing")).into())
                });
                let _ = answer.send(one);
            }
        }
    }
}

/// All or none; answers in order.
async fn write(ctx: &Context, works: Vec<Arc<Work>>) -> Result<Vec<ServerDetails>, Refused> {
    let written = ctx.store.write_tx::<_, Refused>(|tx| {
        let works = works.clone();
        Box::pin(async move { write_in(tx, &works).await })
    });
    let (created, nodes) = written.await?;
    for node in nodes {
        ctx.capacity.remember(node.row.id, node.row.capacity_version, node.allocated);
    }
    Ok(created)
}

async fn write_in(tx: &Tx, works: &[Arc<Work>]) -> Result<(Vec<ServerDetails>, Vec<Locked>), Refused> {
    let mut nodes: BTreeMap<i64, Locked> = BTreeMap::new();
    let mut created = Vec::with_capacity(works.len());
    for work in works {
        let node = match nodes.entry(work.hypervisor_id()) {
            Entry::Occupied(node) => node.into_mut(),
            Entry::Vacant(place) => place.insert(work.lock(tx).await?),
        };
        created.push(work.run(tx, node).await?);
    }
    Ok((created, nodes.into_values().collect()))
}
