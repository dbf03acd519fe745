//! What is looked at, one check after the other; each says in a sentence what it found.

use std::sync::Arc;
use std::time::Instant;

use berth_proto::{SelftestCheck, StorageKind, StorageRef, selftest_check::Outcome};

use super::{bridged, guest};
use crate::{
    agent::Agent,
    config::NetworkConfig,
    filters_apply,
    host::Accelerator,
    net,
    openvswitch_apply::{self, Switch},
    probe, sentence,
    storage::{self, Point},
};

/// The kind of storage that every node has: a folder of its own.
const DIRECTORY: &str = "directory";
/// Formats of disks that are made there.
const FORMATS: [&str; 2] = ["qcow2", "raw"];

/// `Ok` with what was found, or what is wrong.
type Found = Result<String, String>;

/// All of them, each told when it has ended.
pub async fn all(agent: &Arc<Agent>, mut tell: impl FnMut(SelftestCheck)) {
    let begun = Instant::now();
    tell(check("accelerator", "", begun, accelerator(agent).await));
    let begun = Instant::now();
    tell(check("libvirt", "", begun, libvirt(agent).await));
    let begun = Instant::now();
    tell(check("storage", DIRECTORY, begun, keeps_disks(agent, None, &FORMATS).await));
    for (kind, location, point) in agent.storages().listed() {
        let begun = Instant::now();
        let found = listed(agent, (kind, &location), &point).await;
        let check = check(&format!("storage {kind} {location}"), kind.name(), begun, found);
        tell(SelftestCheck { storage_location: location, ..check });
    }
    let begun = Instant::now();
    tell(check("filters", "", begun, filters(agent).await));
    let begun = Instant::now();
    tell(check("firewall", "", begun, firewall(agent).await));
    let begun = Instant::now();
    tell(check("bridged packets", "", begun, bridged::judged(&agent.netns).await));
    for network in &agent.config.networks {
        let begun = Instant::now();
        tell(check(&format!("bridge {}", network.bridge), "", begun, bridge(agent, network).await));
    }
}

fn check(name: &str, storage_kind: &str, begun: Instant, found: Found) -> SelftestCheck {
    let (outcome, detail) = match found {
        Ok(detail) => (Outcome::Passed, detail),
        Err(why) => (Outcome::Failed, why),
    };
    SelftestCheck {
        name: name.to_owned(),
        outcome: outcome.into(),
        detail: sentence(&detail),
        took_ms: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX),
        storage_kind: storage_kind.to_owned(),
        storage_location: String::new(),
    }
}

/// Tried anew, whatever is remembered.
async fn accelerator(agent: &Agent) -> Found {
    let found = probe::probe_accelerator(&agent.host.emulator, agent.paths.data_dir()).await;
    match (agent.accelerator.accelerator, found.accelerator) {
        (Accelerator::Kvm, Accelerator::Qemu) => Err(format!("guests are started with KVM here, and {}", found.detail)),
        (Accelerator::Qemu, Accelerator::Kvm) => {
            Ok("guests are emulated here, and KVM would work: remove accelerator.json and restart the agent".to_owned())
        }
        _ => Ok(found.detail),
    }
}

async fn libvirt(agent: &Agent) -> Found {
    let version = agent.libvirt.version().await.map_err(|error| error.to_string())?.0;
    Ok(format!("libvirt {}.{}.{} answers", version / 1_000_000, version / 1_000 % 1_000, version % 1_000))
}

/// What the owner lists: whether it can be used at all, then as the agent's own folder.
async fn listed(agent: &Agent, (kind, location): (StorageKind, &str), point: &Point) -> Found {
    storage::room(point).await?;
    let place = StorageRef { kind: kind.name().to_owned(), location: location.to_owned() };
    keeps_disks(agent, Some(place), if kind.keeps_files() { &FORMATS } else { &FORMATS[1..] }).await
}

async fn keeps_disks(agent: &Agent, place: Option<StorageRef>, formats: &[&str]) -> Found {
    let storages = agent.storages();
    for format in formats {
        let (emulator, accelerator) = (&agent.host.emulator, agent.accelerator.accelerator);
        let own = (&agent.paths, &storages);
        let tried = guest::writes_and_reads(own, emulator, accelerator, format, place.clone());
        let outcome = tried.await.map_err(|why| format!("with a disk of the format {format}: {why}"));
        super::sweep(&agent.paths, &storages).await;
        outcome?;
    }
    Ok(format!("a guest booted, and wrote and read its disk, of the formats {}", formats.join(" and ")))
}

async fn filters(agent: &Agent) -> Found {
    match filters_apply::table_is_there(&agent.netns, &agent.config.instance).await {
        Ok(true) => Ok("the table of filters is in force".to_owned()),
        Ok(false) => Err("the table of filters is gone; the agent puts it back at the next look".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Tried anew, whatever is remembered.
async fn firewall(agent: &Agent) -> Found {
    match filters_apply::try_firewall(&agent.netns, &agent.config.instance).await {
        Ok(()) => Ok("the kernel takes rules that remember flows, so firewalls let answers in".to_owned()),
        Err(error) => {
            Err(format!("the kernel was asked for rules that remember flows, as firewalls need, and {error}"))
        }
    }
}

async fn bridge(agent: &Agent, network: &NetworkConfig) -> Found {
    let of = if network.openvswitch { " of Open vSwitch" } else { "" };
    if network.openvswitch {
        openvswitch_apply::probe(&Switch::of(&agent.netns), &network.bridge).await?;
    }
    match net::bridge_mtu(&agent.netns, &network.bridge).await {
        Ok(Some(mtu)) => Ok(format!("the bridge{of} is there, with an MTU of {mtu}")),
        Ok(None) => Err("the bridge is not there".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
