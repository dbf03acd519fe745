//! Makes the host match the ledger: at start, on a timer and when nudged, always by the same path.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    agent::Agent,
    dhcp_apply, drift, filters_apply, forwards_apply,
    ledger::Entry,
    libvirt::{OFF_BY_SHUTDOWN, State},
    openvswitch_apply, ops, revive, routes_apply,
    vm::{self, VmError},
};

const TIMER: Duration = Duration::from_secs(30);
/// A server that could not be made right is tried again after this, besides the timer.
const AGAIN: Duration = Duration::from_secs(5);
/// A guest that says nothing is up after so long.
const BOOT_LIMIT: Duration = Duration::from_secs(300);
/// A guest that does not come back is tried again ever more rarely, up to this.
const BRING_BACK_PAUSE_LIMIT: Duration = Duration::from_secs(300);

/// Runs until `shutdown`.
pub async fn run(agent: Arc<Agent>, mut nudges: mpsc::UnboundedReceiver<String>, shutdown: CancellationToken) {
    let mut timer = tokio::time::interval(TIMER);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut working = JoinSet::new();
    let mut strangers = BTreeSet::new();
    // Before the first guest starts; each server looks at its own again.
    if let Err(error) = vm::ensure_all_filters(&agent).await {
        tracing::error!(%error, "filters are put in force server by server");
    }
    ensure_joins(&agent).await;
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
                if let Err(error) = vm::remove_stray_filters(&agent).await {
                    tracing::warn!(%error, "filters of servers that are gone may be left");
                }
                if let Err(error) = forwards_apply::ensure_all(&agent).await {
                    tracing::warn!(%error, "ports of this node may not lead to their guests");
                }
                if let Err(error) = routes_apply::ensure_all(&agent).await {
                    tracing::warn!(%error, "guests of routed bridges may not be reached");
                }
                if let Err(error) = dhcp_apply::ensure_all(&agent).await {
                    tracing::warn!(%error, "guests may not be told their addresses");
                }
                ensure_joins(&agent).await;
                drift::tell_strangers(&agent, &mut strangers).await;
                for entry in agent.ledger.all() {
                    working.spawn(one(Arc::clone(&agent), entry.server_uuid));
                }
            }
        }
        while working.try_join_next().is_some() {}
    }
}

async fn ensure_joins(agent: &Agent) {
    if let Err(error) = openvswitch_apply::ensure_all(agent).await {
        tracing::warn!(%error, "guests of Open vSwitch may be without network");
    }
}

/// Looks at one server.
async fn one(agent: Arc<Agent>, server_uuid: String) {
    let Ok(_slot) = agent.slots.acquire().await else { return };
    let _lock = agent.lock(&server_uuid).await;
    let Some(entry) = agent.ledger.get(&server_uuid) else { return };
    let asked_by = agent.status(&server_uuid).asked_by.unwrap_or_else(tracing::Span::none);
    let outcome = settle(&agent, &entry).instrument(asked_by.clone()).await;
    agent.set_status(&server_uuid, |status| {
        status.doing.clear();
        status.progress = 0;
        status.error = outcome.as_ref().err().map(|error| crate::sentence(&error.to_string())).unwrap_or_default();
    });
    if let Err(error) = outcome {
        let _asked = asked_by.enter();
        tracing::warn!(server = server_uuid, %error, "a server is not as it should be");
        try_again(&agent, server_uuid);
    }
}

/// One more try for all that failed until then: each nudge and each turn of the timer may fail.
fn try_again(agent: &Arc<Agent>, server_uuid: String) {
    let mut asked = false;
    agent.set_status(&server_uuid, |status| asked = std::mem::replace(&mut status.again, true));
    if asked {
        return;
    }
    let agent = Arc::clone(agent);
    tokio::spawn(async move {
        tokio::time::sleep(AGAIN).await;
        agent.set_status(&server_uuid, |status| status.again = false);
        agent.nudge(&server_uuid);
    });
}

async fn settle(agent: &Arc<Agent>, entry: &Entry) -> Result<(), VmError> {
    if entry.tombstone.is_some() {
        return if entry.evicted { Ok(()) } else { vm::remove_vm(agent, entry).await };
    }
    let Some(spec) = entry.spec() else { return Ok(()) };
    vm::ensure_vm(agent, &spec).await?;
    let state = agent.libvirt.state(&agent.domain(&entry.server_uuid)).await?;
    if revive::has_died(entry, &agent.boot_id, state) {
        return revive::revive(agent, &entry.server_uuid).await;
    }
    if has_booted(agent, &entry.server_uuid, state == State::Running) {
        vm::make_independent(agent, &spec).await?;
    }
    Ok(())
}

/// The rest of the template is copied when the guest is up: QEMU 7.2 was seen to die of a copy that ended in the middle
/// of a boot. A guest without an agent is taken to be up after a time.
fn has_booted(agent: &Agent, server_uuid: &str, is_running: bool) -> bool {
    let mut has_booted = false;
    agent.set_status(server_uuid, |status| {
        let since = is_running.then(|| status.running_since.unwrap_or_else(Instant::now));
        status.running_since = since;
        has_booted = since.is_some_and(|since| status.guest_agent || since.elapsed() >= BOOT_LIMIT);
    });
    has_booted
}

/// After a reboot of the node, guests that were meant to run come back, a few at a time and without being told. In
/// the same boot a guest that is off was switched off while nobody watched, or died, see [`revive`].
fn come_back(agent: &Arc<Agent>, working: &mut JoinSet<()>) {
    let starting = Arc::new(Semaphore::new(agent.config.boot_at_once));
    for entry in agent.ledger.all() {
        ops::resume(agent, &entry);
        if !entry.should_run || entry.tombstone.is_some() {
            continue;
        }
        working.spawn(keep_bringing_back(Arc::clone(agent), entry.server_uuid, Arc::clone(&starting)));
    }
}

/// Until it runs or is not meant to any more: right after a reboot libvirt or a bridge may not be there yet.
async fn keep_bringing_back(agent: Arc<Agent>, server_uuid: String, starting: Arc<Semaphore>) {
    let mut pause = AGAIN;
    loop {
        let outcome = {
            let Ok(_turn) = starting.acquire().await else { return };
            bring_back(&agent, &server_uuid).await
        };
        let Err(error) = outcome else { return };
        tracing::error!(server = server_uuid, %error, "a guest did not come back; it is tried again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(BRING_BACK_PAUSE_LIMIT);
    }
}

async fn bring_back(agent: &Arc<Agent>, server_uuid: &str) -> Result<(), VmError> {
    let _lock = agent.lock(server_uuid).await;
    let entry = agent.ledger.get(server_uuid).filter(|entry| entry.should_run && entry.tombstone.is_none());
    let Some(entry) = entry else { return Ok(()) };
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
    tracing::info!(server = server_uuid, "starting a guest that ran before the node went down");
    vm::start(agent, server_uuid).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::sync::OwnedMutexGuard;

    use super::*;
    use crate::testing::Place;

    /// Servers whose turn has come, and that can't go on as long as the test has their locks.
    fn at_work(held: &BTreeMap<String, OwnedMutexGuard<()>>) -> Vec<String> {
        // A lock is the agent's, the test's, and theirs who wait for it.
        let is_wanted = |guard: &OwnedMutexGuard<()>| Arc::strong_count(OwnedMutexGuard::mutex(guard)) > 2;
        held.iter().filter(|(_, guard)| is_wanted(guard)).map(|(uuid, _)| uuid.clone()).collect()
    }

    /// Whoever can go on has gone on: all of them are on the test's own thread.
    async fn settled() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn after_a_reboot_no_more_guests_are_started_at_once_than_the_owner_lets() {
        let mut place = Place::new("test:///default");
        Arc::get_mut(&mut place.agent).unwrap().config.boot_at_once = 3;
        let agent = &place.agent;
        let mut held = BTreeMap::new();
        for n in 0..8 {
            let uuid = format!("5de5a89b-b707-41bf-a051-7af1a4e6779{n}");
            let ran = agent.ledger.change(&uuid, |entry| {
                (entry.should_run, entry.boot_id) = (true, "the boot before".to_owned());
                Ok(())
            });
            ran.unwrap();
            let lock = agent.lock(&uuid).await;
            held.insert(uuid, lock);
        }
        let mut working = JoinSet::new();
        come_back(agent, &mut working);
        settled().await;
        while !held.is_empty() {
            let starting = at_work(&held);
            assert_eq!(starting.len(), held.len().min(3), "of {}", held.len());
            // It is not to run any more, so that its turn ends without a start.
            let off = agent.ledger.change(&starting[0], |entry| {
                entry.should_run = false;
                Ok(())
            });
            off.unwrap();
            held.remove(&starting[0]);
            settled().await;
        }
        while let Some(ended) = working.join_next().await {
            ended.unwrap();
        }
    }
}
