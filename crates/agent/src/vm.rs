//! One server on this node, made to match its specification. Everything here looks, compares, acts and looks again;
//! doing it twice is doing it once.

use std::sync::Arc;

use berth_proto::{DiskSpec, InterfaceSpec, ServerSpec};

use crate::{
    agent::Agent,
    cloud_init, console, dhcp_apply,
    disk::{self, DiskError, ImageRef, Mode, VolumeState},
    domain_xml::{self, Running},
    drift, filesystem,
    filters::InterfaceFilter,
    filters_apply::{self, FilterError},
    forwards_apply,
    image::{self, ImageDigest},
    ledger::Entry,
    libvirt::HostError,
    live, media, names, net, openvswitch_apply, qemu_host, routes_apply, seed,
    storage::Source,
    tpm, vlans_apply,
};

/// MiB a second that making linked clones independent may read, for each guest.
const PULL_MIB_S: u64 = 100;

/// Why a server is not as it should be. The display form is a part of a sentence for an operator.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("{0}")]
    Disk(#[from] DiskError),
    #[error("{0}")]
    Filter(#[from] FilterError),
    #[error("{0}")]
    Net(#[from] net::NetError),
    #[error("the node's ledger: {0}")]
    Ledger(#[from] crate::ledger::LedgerError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Everything but whether the guest runs: disks, seed, filters, definition.
pub async fn ensure_vm(agent: &Arc<Agent>, spec: &ServerSpec) -> Result<(), VmError> {
    domain_xml::check(spec, &agent.host).map_err(VmError::Refused)?;
    media::ensure_disc_is_there(agent, spec)?;
    ensure_volumes(agent, spec).await?;
    let files = cloud_init::seed_files(spec).map_err(|error| VmError::Refused(error.0))?;
    seed::ensure_seed(&agent.paths.seed(&spec.server_uuid), &files, spec.run_as_uid)?;
    agent.paths.ensure_run_dir(&spec.server_uuid, spec.run_as_uid)?;
    ensure_bridges(agent, spec).await?;
    // The rules are there before the guest is: a tap that nobody lists passes nothing.
    ensure_filters(agent, &spec.interfaces).await?;
    ensure_forwards(agent, spec).await?;
    ensure_routes(agent, spec).await?;
    ensure_dhcp(agent, spec).await?;
    ensure_joins(agent, spec).await?;
    ensure_domain(agent, spec).await?;
    console::ensure_screen(agent, spec).await?;
    agent.ledger.change(&spec.server_uuid, |entry| {
        if (entry.cluster_epoch, entry.generation) == (spec.cluster_epoch, spec.generation) {
            entry.applied_generation = spec.generation;
        }
        Ok(())
    })?;
    Ok(())
}

/// Whether the server could be defined, without changing anything.
pub async fn validate(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    domain_xml::check(spec, &agent.host).map_err(VmError::Refused)?;
    // One at a time: each takes away what one before it may have left.
    let _turn = agent.trial.lock().await;
    let prefix = names::trial_prefix(&agent.config.instance);
    let uuid = names::trial_uuid(&spec.server_uuid);
    let xml = domain_xml::trial_xml(spec, &agent.host, &agent.paths, &format!("{prefix}{uuid}"), &uuid);
    agent.libvirt.try_out(xml, prefix).await?;
    Ok(())
}

async fn ensure_volumes(agent: &Arc<Agent>, spec: &ServerSpec) -> Result<(), VmError> {
    let storages = agent.storages();
    let mut devices = Vec::new();
    for disk in &spec.disks {
        let image = template(agent, &disk.image_digest)?;
        let is_new = !storages.exists(disk).await?;
        if is_new && image.is_none() && !disk.image_digest.is_empty() {
            return Err(VmError::Refused(format!("the template {} is not in the node's cache", disk.image_digest)));
        }
        match ensure_volume(agent, spec, disk, image, is_new).await {
            // A disk that the guest holds is grown through libvirt, see `live`.
            Err(DiskError::InUse { .. }) if !is_new => {}
            outcome => {
                let state = outcome?;
                if !matches!(storages.source(disk), Source::File(_)) {
                    devices.push((disk.volume_uuid.clone(), state));
                }
            }
        }
    }
    agent.set_status(&spec.server_uuid, |status| status.devices = devices);
    Ok(())
}

/// One that is to hold a file system is made as a copy of an empty one, never as a clone of it.
async fn ensure_volume(
    agent: &Arc<Agent>,
    spec: &ServerSpec,
    disk: &DiskSpec,
    image: Option<ImageRef>,
    is_new: bool,
) -> Result<VolumeState, DiskError> {
    let doing = |percent| {
        agent.set_status(&spec.server_uuid, |status| {
            "making the disk".clone_into(&mut status.doing);
            status.progress = percent;
        })
    };
    let storages = agent.storages();
    if !is_new || disk.filesystem.is_empty() || image.is_some() {
        return storages.ensure(disk, spec.run_as_uid, image.as_ref(), agent.config.disk_mode, doing).await;
    }
    doing(0);
    let scratch = filesystem::scratch(&agent.paths.volumes_dir(), &disk.volume_uuid);
    let empty = filesystem::make(&scratch, &disk.filesystem, disk::checked_capacity(disk)?).await?;
    let made = storages.ensure(disk, spec.run_as_uid, Some(&empty), Mode::Full, doing).await;
    disk::remove_if_there(&scratch)?;
    made
}

fn template(agent: &Agent, digest: &str) -> Result<Option<ImageRef>, VmError> {
    if digest.is_empty() {
        return Ok(None);
    }
    let digest = ImageDigest::parse(digest).map_err(|error| VmError::Refused(error.sentence))?;
    Ok(image::cached(&agent.paths, &digest))
}

/// The bridges that guests are attached to are those that the node's owner listed, and they are there.
async fn ensure_bridges(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    for interface in &spec.interfaces {
        let is_listed = agent.config.networks.iter().any(|network| network.bridge == interface.bridge);
        if !is_listed && !agent.node_net.has(&interface.bridge).await {
            return Err(VmError::Refused(format!(
                "the bridge {} is not one that this node's owner allows",
                interface.bridge
            )));
        }
        let has_vlans = agent.config.networks.iter().any(|of| of.vlans && of.bridge == interface.bridge);
        if !interface.vlans.is_empty() && !has_vlans {
            return Err(VmError::Refused(format!(
                "the bridge {} has no VLANs that this node's owner gives to guests",
                interface.bridge
            )));
        }
        if net::bridge_mtu(&agent.netns, &interface.bridge).await?.is_none() {
            return Err(VmError::Refused(format!("the bridge {} is not there on this node", interface.bridge)));
        }
    }
    Ok(())
}

pub async fn ensure_filters(agent: &Agent, interfaces: &[InterfaceSpec]) -> Result<(), VmError> {
    let instance = &agent.config.instance;
    let filters = interfaces.iter().map(|interface| InterfaceFilter::of(instance, interface));
    let filters: Vec<InterfaceFilter> = filters.collect::<Result<_, _>>().map_err(VmError::Refused)?;
    filters_apply::ensure_filters(&agent.netns, instance, &filters).await?;
    Ok(())
}

/// Those of all servers, in as few transactions as there can be: one after the other they take nft a look at all others
/// each. An interface that is not understood stays closed, and its server says why when its turn comes.
pub async fn ensure_all_filters(agent: &Agent) -> Result<(), VmError> {
    let instance = &agent.config.instance;
    let mut filters = Vec::new();
    for entry in agent.ledger.all().into_iter().filter(|entry| entry.tombstone.is_none() && !entry.evicted) {
        let Some(spec) = entry.spec() else { continue };
        filters.extend(spec.interfaces.iter().filter_map(|interface| InterfaceFilter::of(instance, interface).ok()));
    }
    filters_apply::ensure_filters(&agent.netns, instance, &filters).await?;
    Ok(())
}

/// Ports of the node that lead to guests are one table, looked at when a specification is new and on the agent's timer.
async fn ensure_forwards(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    for interface in &spec.interfaces {
        forwards_apply::check(&agent.config, interface).map_err(VmError::Refused)?;
    }
    let applied = agent.ledger.get(&spec.server_uuid).map(|entry| entry.applied_generation);
    if applied == Some(spec.generation) { Ok(()) } else { forwards_apply::ensure_all(agent).await }
}

/// As of port forwards; filters are there before the world can reach the guest.
async fn ensure_routes(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    let applied = agent.ledger.get(&spec.server_uuid).map(|entry| entry.applied_generation);
    if applied == Some(spec.generation) { Ok(()) } else { routes_apply::ensure_all(agent).await }
}

/// As of port forwards: what all guests of a bridge are told is one server's.
async fn ensure_dhcp(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    for interface in &spec.interfaces {
        dhcp_apply::check(agent, interface).await.map_err(VmError::Refused)?;
    }
    let applied = agent.ledger.get(&spec.server_uuid).map(|entry| entry.applied_generation);
    if applied == Some(spec.generation) { Ok(()) } else { dhcp_apply::ensure_all(agent).await }
}

async fn ensure_joins(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    let applied = agent.ledger.get(&spec.server_uuid).map(|entry| entry.applied_generation);
    openvswitch_apply::ensure_of(agent, spec, applied != Some(spec.generation)).await
}

/// A guest's ports of its bridges: it reaches itself through a port of its node, too, and each has its VLANs.
async fn ensure_ports(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    let instance = &agent.config.instance;
    for interface in &spec.interfaces {
        let Some(network) = agent.config.networks.iter().find(|of| of.bridge == interface.bridge) else { continue };
        let tap = names::tap(instance, &interface.tag);
        if network.vlans && !network.openvswitch {
            vlans_apply::ensure_vlans(&agent.netns, instance, &tap, interface).await?;
        }
        if network.nat {
            net::ensure_hairpin(&agent.netns, &tap, !interface.forwards.is_empty()).await?;
        }
    }
    Ok(())
}

/// Stores the definition, which the next start takes, and gives a running guest what it can be given now.
async fn ensure_domain(agent: &Arc<Agent>, spec: &ServerSpec) -> Result<(), VmError> {
    let uuid = &spec.server_uuid;
    let name = agent.domain(uuid);
    let found = agent.libvirt.definitions(&name).await?;
    let known = agent.ledger.get(uuid).and_then(|entry| entry.defined);
    if let Some(what) = drift::of_definition(known.as_ref(), &found) {
        drift::tell(agent, uuid, what);
    }
    let xml = domain_xml::domain_xml(spec, &agent.host, &agent.paths);
    if !drift::is_as_written(known.as_ref(), &found, &xml) {
        agent.libvirt.define(xml.clone()).await?;
        let defined = drift::remembered(&xml, &agent.libvirt.definitions(&name).await?);
        agent.ledger.change(uuid, |entry| {
            entry.defined = defined;
            Ok(())
        })?;
    }
    let waits = match found.running {
        Some(xml) => {
            let waits = live::ensure_running(agent, spec, &xml).await?;
            ensure_ports(agent, spec).await?;
            waits
        }
        None => Vec::new(),
    };
    agent.set_status(&spec.server_uuid, |status| status.waits_for_start = waits);
    Ok(())
}

/// The newest specification of a server that is not being removed.
pub fn newest_spec(agent: &Agent, server_uuid: &str) -> Result<ServerSpec, VmError> {
    let entry = agent.ledger.get(server_uuid).filter(|entry| entry.tombstone.is_none());
    entry.and_then(|entry| entry.spec()).ok_or_else(|| VmError::Refused("the server is not on this node".to_owned()))
}

/// Starts the guest with its newest definition; filters first. The caller holds the server's lock, and only under it
/// is the specification read: a server that was removed meanwhile must not come back.
pub async fn start(agent: &Arc<Agent>, server_uuid: &str) -> Result<(), VmError> {
    let spec = newest_spec(agent, server_uuid)?;
    ensure_vm(agent, &spec).await?;
    qemu_host::ensure_host_lets_guests_run()?;
    if !spec.tpm_version.is_empty() {
        tpm::let_in(spec.run_as_uid)?;
    }
    let runs = agent.libvirt.state(&agent.domain(server_uuid)).await?.is_active();
    let meant_to_run = agent.ledger.change(server_uuid, |entry| Ok(std::mem::replace(&mut entry.should_run, true)))?;
    agent.set_status(server_uuid, |status| {
        status.starting = !runs;
        status.deaths.forgive();
    });
    let started = agent.libvirt.start(&agent.domain(server_uuid)).await;
    agent.ledger.change(server_uuid, |entry| {
        match &started {
            Ok(()) => entry.boot_id.clone_from(&agent.boot_id),
            // Meant to run is what did run: after a reboot of the node it is tried again.
            Err(_) => entry.should_run = meant_to_run,
        }
        Ok(())
    })?;
    agent.set_status(server_uuid, |status| {
        if started.is_err() {
            status.starting = false;
        } else if !runs {
            (status.waits_for_start, status.vcpus_on, status.drift) = (Vec::new(), 0, String::new());
        }
    });
    started?;
    // The tap is there now. Without it the guest runs all the same, and the next look makes it right.
    if let Err(error) = ensure_ports(agent, &spec).await {
        tracing::warn!(server = server_uuid, %error, "ports of the guest's bridges are not as they should be yet");
    }
    Ok(())
}

/// Stops the guest at once, as pulling its plug would.
pub async fn power_off(agent: &Agent, server_uuid: &str) -> Result<(), HostError> {
    let name = agent.domain(server_uuid);
    if !agent.libvirt.state(&name).await?.is_active() {
        return Ok(());
    }
    agent.set_status(server_uuid, |status| status.stopping = true);
    let stopped = agent.libvirt.destroy(&name).await;
    if stopped.is_err() {
        agent.set_status(server_uuid, |status| status.stopping = false);
    }
    stopped
}

/// Linked clones read on from their template; while the guest runs, what they still need is copied.
pub async fn make_independent(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    let name = agent.domain(&spec.server_uuid);
    let linked = linked_disks(agent, spec);
    if linked.is_empty() {
        return Ok(());
    }
    let running = agent.libvirt.definitions(&name).await?.running.map(|xml| Running::read(&xml)).unwrap_or_default();
    for disk in linked {
        // By the name that the guest was started with.
        if let Some(has) = running.disk_of(&agent.storages().source(&disk).key()) {
            agent.libvirt.pull(&name, &has.target, PULL_MIB_S).await?;
        }
    }
    Ok(())
}

/// Disks that may be copied since before this agent began; before anything asks for their figures.
pub fn expect_copies(agent: &Agent) {
    for spec in agent.ledger.all().iter().filter_map(|entry| entry.spec()) {
        for disk in linked_disks(agent, &spec) {
            agent.libvirt.expect_pull(&agent.domain(&spec.server_uuid), &domain_xml::disk_target(&disk));
        }
    }
}

/// Of those that are files: devices were made by a copy.
fn linked_disks(agent: &Agent, spec: &ServerSpec) -> Vec<DiskSpec> {
    let storages = agent.storages();
    let is_linked = |disk: &&DiskSpec| match storages.source(disk) {
        Source::File(path) => disk::volume_info(&path, &disk.format).is_ok_and(|volume| volume.linked),
        _ => false,
    };
    spec.disks.iter().filter(is_linked).cloned().collect()
}

/// Removes everything that the server has on this node, from whatever state it is in.
pub async fn remove_vm(agent: &Agent, entry: &Entry) -> Result<(), VmError> {
    let uuid = &entry.server_uuid;
    let name = agent.domain(uuid);
    agent.libvirt.destroy(&name).await?;
    agent.libvirt.undefine(&name).await?;
    agent.ledger.change(uuid, |entry| {
        entry.defined = None;
        Ok(())
    })?;
    for volume in &entry.volumes {
        agent.storages().remove(volume).await?;
    }
    seed::remove_seed(&agent.paths.seed(uuid))?;
    for file in agent.paths.serial_logs(uuid).into_iter().chain([agent.paths.nvram(uuid)]) {
        gone(std::fs::remove_file(file))?;
    }
    gone(std::fs::remove_dir_all(agent.paths.run_dir(uuid)))?;
    tpm::remove(uuid, &name, entry.spec().map(|spec| spec.run_as_uid))?;
    let taps: Vec<String> = entry
        .spec()
        .map(|spec| {
            spec.interfaces.iter().map(|interface| names::tap(&agent.config.instance, &interface.tag)).collect()
        })
        .unwrap_or_default();
    filters_apply::remove_filters(&agent.netns, &agent.config.instance, &taps).await?;
    forwards_apply::ensure_all(agent).await?;
    routes_apply::ensure_all(agent).await?;
    dhcp_apply::ensure_all(agent).await?;
    openvswitch_apply::ensure_all(agent).await?;
    let removed = &entry.volumes;
    agent.ledger.change(uuid, |entry| {
        entry.volumes.retain(|volume| !removed.contains(volume));
        // A newer specification may have come meanwhile, and it makes everything anew.
        entry.evicted = entry.tombstone.is_some();
        Ok(())
    })?;
    Ok(())
}

/// Taps in the filters that no server has any more: of interfaces that a newer specification left out, or of a server
/// whose ledger was lost. Answers how many.
pub async fn remove_stray_filters(agent: &Agent) -> Result<usize, VmError> {
    let instance = &agent.config.instance;
    // Listed before the ledger is read, for a tap is in the ledger before it is in the filters.
    let listed = filters_apply::listed_taps(&agent.netns, instance).await?;
    let mut known = Vec::new();
    for entry in agent.ledger.all().into_iter().filter(|entry| !entry.evicted) {
        // What an adopted server needs is not known until it is applied again.
        let Some(spec) = entry.spec() else { return Ok(0) };
        known.extend(spec.interfaces.iter().map(|interface| names::tap(instance, &interface.tag)));
    }
    let stray: Vec<String> = listed.into_iter().filter(|tap| !known.contains(tap)).collect();
    if !stray.is_empty() {
        tracing::info!(taps = ?stray, "removing filters that belong to no server");
        filters_apply::remove_filters(&agent.netns, instance, &stray).await?;
    }
    Ok(stray.len())
}

fn gone(outcome: std::io::Result<()>) -> std::io::Result<()> {
    match outcome {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests;
