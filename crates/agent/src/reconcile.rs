//! Makes the host match the ledger: at start, on a timer and when nudged, always by the same path.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::Agent,
    filters_apply,
    ledger::Entry,
    libvirt::{OFF_BY_SHUTDOWN, State},
    ops,
    vm::{self, VmError},
};

const TIMER: Duration = Duration::from_secs(30);
/// A server that could not be made right is tried again after this, besides the timer.
const AGAIN: Duration = Duration::from_secs(5);

/// Runs until `shutdown`.
pub async fn run(agent: Arc<Agent>, mut nudges: mpsc::UnboundedReceiver<String>, shutdown: CancellationToken) {
    let mut timer = tokio::time::interval(TIMER);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut working = JoinSet::new();
    come_back(&agent, &mut working);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(server_uuid) = nudges.recv() => {
                working.spawn(one(Arc::clone(&agent), server_uuid));
            }
            _ = timer.tick() => {
                if let Err(error) = filters_apply::ensure_table(&agent.netns, &agent.config.instance).await {
                    tracing::error!(%error, "guests stay without network until the filters are in force");
                }
                for entry in agent.ledger.all() {
                    working.spawn(one(Arc::clone(&agent), entry.server_uuid));
                }
            }
        }
        while working.try_join_next().is_some() {}
    }
}

/// Looks at one server.
async fn one(agent: Arc<Agent>, server_uuid: String) {
    let Ok(_slot) = agent.slots.acquire().await else { return };
    let _lock = agent.lock(&server_uuid).await;
    let Some(entry) = agent.ledger.get(&server_uuid) else { return };
    let outcome = settle(&agent, &entry).await;
    agent.set_status(&server_uuid, |status| {
        status.doing.clear();
        status.progress = 0;
        status.error = outcome.as_ref().err().map(|error| crate::sentence(&error.to_string())).unwrap_or_default();
    });
    if let Err(error) = outcome {
        tracing::warn!(server = server_uuid, %error, "a server is not as it should be");
        let agent = Arc::clone(&agent);
        tokio::spawn(async move {
            tokio::time::sleep(AGAIN).await;
            agent.nudge(&server_uuid);
        });
    }
}

async fn settle(agent: &Arc<Agent>, entry: &Entry) -> Result<(), VmError> {
    if entry.tombstone.is_some() {
        return if entry.evicted { Ok(()) } else { vm::remove_vm(agent, entry).await };
    }
    let Some(spec) = entry.spec() else { return Ok(()) };
    vm::ensure_vm(agent, &spec).await?;
    if agent.libvirt.state(&agent.domain(&entry.server_uuid)).await? == State::Running {
        vm::make_independent(agent, &spec).await?;
    }
    Ok(())
}

/// After a reboot of the node, guests that were meant to run come back, a few at a time and without being told. In
/// the same boot a guest that is off was switched off while nobody watched, or is for the control server to judge.
fn come_back(agent: &Arc<Agent>, working: &mut JoinSet<()>) {
    let starting = Arc::new(tokio::sync::Semaphore::new(agent.config.boot_at_once));
    for entry in agent.ledger.all() {
        ops::resume(agent, &entry);
        if !entry.should_run || entry.tombstone.is_some() {
            continue;
        }
        let (agent, starting) = (Arc::clone(agent), Arc::clone(&starting));
        working.spawn(async move {
            let Ok(_turn) = starting.acquire().await else { return };
            if let Err(error) = bring_back(&agent, &entry).await {
                tracing::error!(server = entry.server_uuid, %error, "a guest did not come back; it is tried again");
            }
        });
    }
}

async fn bring_back(agent: &Arc<Agent>, entry: &Entry) -> Result<(), VmError> {
    let _lock = agent.lock(&entry.server_uuid).await;
    let state = agent.libvirt.state(&agent.domain(&entry.server_uuid)).await?;
    if state.is_active() {
        return Ok(());
    }
    if entry.boot_id == agent.boot_id {
        if matches!(state, State::Off { reason } if reason == OFF_BY_SHUTDOWN) {
            agent.ledger.change(&entry.server_uuid, |entry| {
                entry.should_run = false;
                Ok(())
            })?;
        }
        return Ok(());
    }
    let Some(spec) = entry.spec() else { return Ok(()) };
    tracing::info!(server = entry.server_uuid, "starting a guest that ran before the node went down");
    vm::start(agent, &spec).await
}
