//! The node's own network, as far as the control server may change it: bridges that it has made here, under a prefix
//! that the node's owner gives. A change that cuts the node off undoes itself.
//!
//! ```text
//! set ──► on disk as pending ──► applied ──► confirmed over a new connection ──► on disk as what holds
//!                                   └─► not confirmed in time, or the agent was away meanwhile ──► what held before
//! ```
//!
//! Whatever is about to happen is on disk before it happens, so that an agent that starts again knows what to undo.

mod apply;
mod kept;

use std::{path::PathBuf, sync::Arc, time::Duration};

use berth_proto::{SetNetworksRequest, networks_reply::State};
use tokio::{
    sync::{Mutex, MutexGuard, Notify},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub use self::kept::Bridge;
use self::kept::{Change, Kept, Pending};
use crate::{clock::Clock, net::NetError, netns::Netns};

/// How often what holds is made sure of.
const TIMER: Duration = Duration::from_secs(30);
/// A change that could not be undone is tried to be undone again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// Where it works and what it may do there.
pub struct Parts {
    pub netns: Netns,
    pub instance: String,
    pub data_dir: PathBuf,
    /// Bridges of names that begin with it may be made; empty: none.
    pub prefix: String,
    pub confirm_within: Duration,
    pub clock: Arc<dyn Clock>,
    /// This boot of the node.
    pub boot_id: String,
}

pub struct NodeNet {
    parts: Parts,
    state: Mutex<Now>,
    changed: Notify,
}

struct Now {
    kept: Kept,
    /// When the pending change is undone.
    until: Option<Instant>,
    /// What undid a change says so, once.
    news: Vec<String>,
}

/// Why a change was not taken, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Net(#[from] NetError),
    #[error("the node's networks can't be written down: {0}")]
    Io(#[from] std::io::Error),
}

impl NodeNet {
    /// What holds, as the disk has it. A change that was pending when the agent ended has what is left of its time; in
    /// another boot of the node it has none.
    pub fn open(parts: Parts) -> std::io::Result<NodeNet> {
        let kept = Kept::read(&parts.data_dir)?;
        let until = kept.pending.as_ref().map(|pending| {
            let left_us = if pending.boot_id == parts.boot_id { pending.until_us - parts.clock.now_us() } else { 0 };
            let left = Duration::from_micros(u64::try_from(left_us).unwrap_or(0));
            Instant::now() + left.min(parts.confirm_within)
        });
        Ok(NodeNet { parts, state: Mutex::new(Now { kept, until, news: Vec::new() }), changed: Notify::new() })
    }

    /// Makes what holds hold, or undoes what has no time left. Before the first guest is started.
    pub async fn resume(&self) -> Result<(), NetError> {
        let mut now = self.state.lock().await;
        if now.until.is_some_and(|until| until <= Instant::now()) {
            return self.undo(&mut now).await;
        }
        apply::ensure(&self.parts, &[], now.kept.in_force()).await
    }

    /// Whether guests may be attached to the bridge.
    pub async fn has(&self, bridge: &str) -> bool {
        self.state.lock().await.kept.in_force().iter().any(|of| of.name == bridge)
    }

    pub async fn bridges(&self) -> Vec<Bridge> {
        self.state.lock().await.kept.in_force().to_vec()
    }

    /// Changes the network until the change is confirmed; asked again, it says how that change is.
    pub async fn set(&self, request: &SetNetworksRequest) -> Result<State, Refused> {
        let mut now = self.state.lock().await;
        if let Some(state) = now.kept.state_of(&request.change_id) {
            return Ok(state);
        }
        let change = Change::of(request, &self.parts.prefix).map_err(Refused::Invalid)?;
        if (change.cluster_epoch, change.generation) < now.kept.newest() {
            return Ok(State::Superseded);
        }
        let before = now.kept.in_force().to_vec();
        apply::check(&self.parts, &before, &change.bridges).await?;
        let until_us =
            self.parts.clock.now_us() + i64::try_from(self.parts.confirm_within.as_micros()).unwrap_or(i64::MAX / 2);
        let pending = Pending { change: change.clone(), until_us, boot_id: self.parts.boot_id.clone() };
        let kept = Kept { pending: Some(pending), ..now.kept.clone() };
        kept.write(&self.parts.data_dir)?;
        now.kept = kept;
        now.until = Some(Instant::now() + self.parts.confirm_within);
        self.changed.notify_one();
        if let Err(error) = apply::ensure(&self.parts, &before, &change.bridges).await {
            // Half of it may be there.
            self.undo(&mut now).await?;
            return Err(error.into());
        }
        Ok(State::Pending)
    }

    /// The control server reaches the node with the change in force: it holds from now on.
    pub async fn confirm(&self, change_id: &str) -> Result<State, Refused> {
        let mut now = self.state.lock().await;
        let is_late = now.until.is_some_and(|until| until <= Instant::now());
        match now.kept.pending.take() {
            Some(pending) if pending.change.id == change_id && !is_late => {
                let kept = Kept { confirmed: pending.change.clone(), pending: None, ..now.kept.clone() };
                if let Err(error) = kept.write(&self.parts.data_dir) {
                    now.kept.pending = Some(pending);
                    return Err(error.into());
                }
                (now.kept, now.until) = (kept, None);
                Ok(State::Confirmed)
            }
            pending => {
                now.kept.pending = pending;
                Ok(now.kept.state_of(change_id).unwrap_or(State::Undone))
            }
        }
    }

    /// Undoes what is not confirmed in time, and makes sure of what holds, until `shutdown`. `tell` is given a sentence
    /// for each change that was undone.
    pub async fn run(&self, tell: impl Fn(&str), shutdown: CancellationToken) {
        loop {
            let next = self.look().await;
            for news in std::mem::take(&mut self.state.lock().await.news) {
                tell(&news);
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.changed.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    /// When to look again.
    async fn look(&self) -> Instant {
        let mut now = self.state.lock().await;
        let outcome = match now.until {
            Some(until) if until <= Instant::now() => self.undo(&mut now).await,
            _ => apply::ensure(&self.parts, &[], now.kept.in_force()).await,
        };
        let timer = Instant::now() + TIMER;
        match outcome {
            Ok(()) => now.until.map_or(timer, |until| until.min(timer)),
            Err(error) => {
                tracing::error!(%error, "the node's networks are not as they should be");
                Instant::now() + AGAIN
            }
        }
    }

    async fn undo(&self, now: &mut MutexGuard<'_, Now>) -> Result<(), NetError> {
        let Some(pending) = now.kept.pending.clone() else { return Ok(()) };
        apply::ensure(&self.parts, &pending.change.bridges, &now.kept.confirmed.bridges).await?;
        let kept = Kept { undone: pending.change.id, pending: None, ..now.kept.clone() };
        // On disk it is pending until the next change: undone twice is undone once.
        if let Err(error) = kept.write(&self.parts.data_dir) {
            tracing::error!(%error, "that a change of the networks was undone can't be written down");
        }
        (now.kept, now.until) = (kept, None);
        let sentence = "A change of the node's networks was undone: the control server did not confirm that it reaches \
                        the node with it.";
        now.news.push(sentence.to_owned());
        Ok(())
    }
}
