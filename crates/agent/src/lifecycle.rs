//! Follows what libvirt tells of guests: into the outbox, and into whether a guest comes back after a reboot.

use std::{sync::Arc, time::Duration};

use berth_proto::{self as proto, event::What};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use virt_sys as sys;

use crate::{
    adopt,
    agent::Agent,
    drift,
    libvirt::{
        State,
        events::{Lifecycle, Listener},
    },
    names,
    service::power,
};

const AGAIN: Duration = Duration::from_secs(2);

/// Listens until `shutdown`, and registers again when libvirtd went away.
pub async fn run(agent: Arc<Agent>, shutdown: CancellationToken) {
    loop {
        let (sender, mut events) = mpsc::unbounded_channel();
        let uri = agent.config.libvirt_uri.clone();
        let registered = tokio::task::spawn_blocking(move || Listener::register(&uri, sender)).await;
        if let Ok(Ok(listener)) = registered {
            // What happened while nobody listened is told by how things are.
            tell_all(&agent).await;
            let listener = Arc::new(listener);
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    Some(event) = events.recv() => on_event(&agent, event),
                    () = tokio::time::sleep(AGAIN) => {
                        let listener = Arc::clone(&listener);
                        if !tokio::task::spawn_blocking(move || listener.is_alive()).await.unwrap_or(false) {
                            break;
                        }
                    }
                }
            }
            tracing::warn!("libvirt went away");
        } else {
            tracing::warn!("libvirt does not answer; it is tried again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn tell_all(agent: &Arc<Agent>) {
    if let Err(error) = adopt::adopt_all(agent).await {
        tracing::error!(%error, "servers that the ledger does not know could not be looked at");
    }
    for entry in agent.ledger.all().into_iter().filter(|entry| entry.tombstone.is_none()) {
        if let Ok(state) = agent.libvirt.state(&agent.domain(&entry.server_uuid)).await {
            tell(agent, &entry.server_uuid, power(agent, &entry, state), "seen");
        }
        agent.nudge(&entry.server_uuid);
    }
}

fn tell(agent: &Agent, uuid: &str, power: proto::Power, reason: &str) {
    let change = proto::PowerChanged { power: power.into(), reason: reason.to_owned() };
    agent.outbox.push(agent.clock.now_us(), uuid, What::PowerChanged(change));
}

fn on_event(agent: &Arc<Agent>, event: Lifecycle) {
    let Some(uuid) = names::server_of_domain(&agent.config.instance, &event.name) else { return };
    if agent.ledger.get(uuid).is_none_or(|entry| entry.tombstone.is_some()) {
        return;
    }
    match event.event {
        sys::VIR_DOMAIN_EVENT_STARTED => {
            let mut ours = false;
            agent.set_status(uuid, |status| {
                status.guest_agent = false;
                ours = std::mem::take(&mut status.starting);
            });
            if !ours && event.detail == sys::VIR_DOMAIN_EVENT_STARTED_BOOTED {
                drift::tell(agent, uuid, drift::STARTED);
                agent.nudge(uuid);
            }
            tell(agent, uuid, proto::Power::Running, "booted");
        }
        sys::VIR_DOMAIN_EVENT_RESUMED => tell(agent, uuid, proto::Power::Running, "resumed"),
        sys::VIR_DOMAIN_EVENT_SUSPENDED => tell(agent, uuid, proto::Power::Paused, "paused"),
        sys::VIR_DOMAIN_EVENT_SHUTDOWN if event.detail == sys::VIR_DOMAIN_EVENT_SHUTDOWN_HOST => {
            agent.set_status(uuid, |status| status.killed_by_host = true);
        }
        sys::VIR_DOMAIN_EVENT_STOPPED => stopped(agent, uuid, event.detail),
        // By the agent itself, or by somebody else: looking tells which.
        sys::VIR_DOMAIN_EVENT_DEFINED | sys::VIR_DOMAIN_EVENT_UNDEFINED => agent.nudge(uuid),
        sys::VIR_DOMAIN_EVENT_CRASHED => tell(agent, uuid, proto::Power::Crashed, "crashed"),
        _ => {}
    }
}

/// A guest that powered itself off stays off. One whose QEMU got a signal, as when the host goes down, does not.
fn stopped(agent: &Arc<Agent>, uuid: &str, detail: u32) {
    let by_itself = detail == sys::VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN && !agent.status(uuid).killed_by_host;
    if detail == sys::VIR_DOMAIN_EVENT_STOPPED_DESTROYED && !agent.status(uuid).stopping {
        drift::tell(agent, uuid, drift::STOPPED);
    }
    agent.set_status(uuid, |status| {
        status.stopping = false;
        status.waits_for_start.clear();
        status.guest_agent = false;
        status.shutting_down = false;
        status.killed_by_host = false;
    });
    let (power, reason) = match detail {
        sys::VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN => (proto::Power::Off, "guest-shutdown"),
        sys::VIR_DOMAIN_EVENT_STOPPED_CRASHED | sys::VIR_DOMAIN_EVENT_STOPPED_FAILED => {
            (proto::Power::Crashed, "crashed")
        }
        _ => (proto::Power::Off, "destroyed"),
    };
    if by_itself {
        tokio::spawn(stay_off(Arc::clone(agent), uuid.to_owned()));
    }
    tell(agent, uuid, power, reason);
    agent.nudge(uuid);
}

/// The event may be older than a start that came after it, so this looks whether the guest is off.
async fn stay_off(agent: Arc<Agent>, uuid: String) {
    let _lock = agent.lock(&uuid).await;
    if agent.libvirt.state(&agent.domain(&uuid)).await.is_ok_and(State::is_active) {
        return;
    }
    let kept = agent.ledger.change(&uuid, |entry| {
        entry.should_run = false;
        Ok(())
    });
    if let Err(error) = kept {
        tracing::error!(%error, server = uuid, "that the guest powered itself off can't be kept");
    }
}
