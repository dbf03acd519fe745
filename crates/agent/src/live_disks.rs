//! Disks of a running guest: further ones are plugged in, those that are left out are taken out, all grow and get their
//! limits. Bus, cache mode and way of input and output of one that it has wait for its next start; and what libvirt can't
//! plug in while a guest runs, such as a disk of SATA.

use std::{sync::Arc, time::Duration};

use berth_proto::{DiskLimits, DiskSpec, ServerSpec};
use tokio::time::Instant;

use crate::{
    agent::Agent,
    disk,
    domain_xml::{self, Running, RunningDisk},
    ledger::VolumeRecord,
    libvirt::HostError,
    live::taken,
    storage::{Source, Storages},
};

/// How long a guest may take to give a disk up before it is looked at again later.
const GIVE_UP_LIMIT: Duration = Duration::from_secs(5);
const GIVE_UP_POLL: Duration = Duration::from_millis(200);
/// The system is on it: a guest is not asked to give it up.
const PRIMARY: u32 = 1;

/// The words of the disks that the guest does not have as its specification says, once each.
pub async fn ensure(agent: &Arc<Agent>, spec: &ServerSpec, running: &Running) -> Result<Vec<String>, HostError> {
    let mut waits = Vec::new();
    let held = without_left_out(agent, spec, running).await?;
    for disk in &spec.disks {
        if !has_disk(agent, spec, held.as_ref().unwrap_or(running), disk).await? {
            waits.push(word(disk.index));
        }
    }
    let held = held.as_ref().unwrap_or(running);
    for disk in left_out(&agent.storages(), spec, &held.disks) {
        waits.push(domain_xml::disk_index(&disk.target).map_or_else(|| format!("disk:{}", disk.target), word));
    }
    waits.sort();
    // A disk that takes the place of one that is left out is named by both.
    waits.dedup();
    Ok(waits)
}

/// In `ObservedServer.waits_for_start`.
pub fn word(index: u32) -> String {
    format!("disk:{}", domain_xml::disk_name(index))
}

/// Takes the disks out that are left out, and answers what the guest has then; none where there was nothing to do.
async fn without_left_out(agent: &Agent, spec: &ServerSpec, running: &Running) -> Result<Option<Running>, HostError> {
    let (name, storages) = (agent.domain(&spec.server_uuid), agent.storages());
    let own = agent.ledger.get(&spec.server_uuid).map(|entry| entry.volumes).unwrap_or_default();
    let mut asked = Vec::new();
    for disk in left_out(&storages, spec, &running.disks).filter(|disk| may_go(&storages, &own, disk)) {
        if taken(spec, agent.libvirt.detach(&name, domain_xml::left_disk_xml(disk)).await)? {
            asked.push(disk.file.clone());
        }
    }
    if asked.is_empty() {
        return Ok(None);
    }
    // The guest answers in its own time, or, while it boots, not at all.
    let end = Instant::now() + GIVE_UP_LIMIT;
    loop {
        let now = agent.libvirt.definitions(&name).await?.running.map(|xml| Running::read(&xml)).unwrap_or_default();
        if Instant::now() >= end || asked.iter().all(|file| now.disk_of(file).is_none()) {
            return Ok(Some(now));
        }
        tokio::time::sleep(GIVE_UP_POLL).await;
    }
}

/// Of the volumes that were made for this server, and never the primary one.
fn may_go(storages: &Storages, own: &[VolumeRecord], disk: &RunningDisk) -> bool {
    let is_own = own.iter().any(|volume| storages.source_of(volume).is_ok_and(|source| source.key() == disk.file));
    is_own && domain_xml::disk_index(&disk.target).is_some_and(|index| index != PRIMARY)
}

async fn has_disk(agent: &Agent, spec: &ServerSpec, running: &Running, disk: &DiskSpec) -> Result<bool, HostError> {
    let (name, target) = (agent.domain(&spec.server_uuid), domain_xml::disk_target(disk));
    let source = agent.storages().source(disk);
    let Some(has) = running.disk_of(&source.key()) else {
        if running.disks.iter().any(|other| other.target == target) {
            return Ok(false);
        }
        let xml = domain_xml::disk_xml(disk, &agent.host, &agent.paths);
        return taken(spec, agent.libvirt.attach(&name, xml).await);
    };
    let wanted: DiskLimits = disk.limits.unwrap_or_default();
    if has.limits != wanted && !taken(spec, agent.libvirt.set_disk_limits(&name, &has.target, wanted).await)? {
        return Ok(false);
    }
    let bytes = disk.capacity_gib << 30;
    let is_smaller = match &source {
        Source::File(file) => disk::volume_info(file, &disk.format).is_ok_and(|volume| volume.capacity_bytes < bytes),
        // The device has been grown; the guest is told when it has not been yet.
        Source::Device(_) | Source::Rbd { .. } => {
            agent.libvirt.disk_bytes(&name, &has.target).await?.is_some_and(|seen| seen < bytes)
        }
    };
    if is_smaller && !taken(spec, agent.libvirt.grow_disk(&name, &has.target, bytes).await)? {
        return Ok(false);
    }
    Ok(is_attached_as(has, disk, domain_xml::cache(disk, &agent.host)))
}

fn is_attached_as(has: &RunningDisk, disk: &DiskSpec, cache: &str) -> bool {
    let wanted = (domain_xml::disk_target(disk), domain_xml::disk_bus(disk), cache, &disk.io, &disk.format);
    (has.target.clone(), has.bus.as_str(), has.cache.as_str(), &has.io, &has.format) == wanted
}

/// Disks of the running guest that the specification does not have any more.
fn left_out<'a>(
    storages: &Storages,
    spec: &ServerSpec,
    running: &'a [RunningDisk],
) -> impl Iterator<Item = &'a RunningDisk> {
    let wanted: Vec<_> = spec.disks.iter().map(|disk| storages.source(disk).key()).collect();
    running.iter().filter(move |disk| !wanted.contains(&disk.file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;

    fn disk(index: u32) -> DiskSpec {
        DiskSpec { volume_uuid: format!("volume-{index}"), index, format: "raw".into(), ..Default::default() }
    }

    fn has(storages: &Storages, disk: &DiskSpec) -> RunningDisk {
        RunningDisk {
            target: domain_xml::disk_target(disk),
            file: storages.source(disk).key(),
            format: "raw".into(),
            cache: "none".into(),
            bus: domain_xml::disk_bus(disk).to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn only_volumes_of_the_server_that_are_not_its_primary_are_taken_out() {
        let storages = Storages::new(&Paths::new("/d"), "berth", &[]);
        let running = [1, 2, 3].map(|index| has(&storages, &disk(index)));
        let spec = ServerSpec { disks: vec![disk(2)], ..Default::default() };
        let left: Vec<_> = left_out(&storages, &spec, &running).map(|disk| disk.target.as_str()).collect();
        assert_eq!(left, ["vda", "vdc"]);
        let record = |n: u32| VolumeRecord { volume_uuid: format!("volume-{n}"), format: "raw".into(), storage: None };
        let own = [record(1), record(3)];
        let may_go: Vec<_> = running.iter().map(|disk| may_go(&storages, &own, disk)).collect();
        assert_eq!(may_go, [false, false, true], "the primary, one that is nobody's, and its own");
    }

    #[test]
    fn what_a_disk_is_attached_by_is_compared() {
        let storages = Storages::new(&Paths::new("/d"), "berth", &[]);
        let one = disk(2);
        let has = has(&storages, &one);
        assert!(is_attached_as(&has, &one, "none"));
        assert!(!is_attached_as(&has, &one, "writeback"));
        for other in [
            DiskSpec { bus: "scsi".into(), ..one.clone() },
            DiskSpec { io: "native".into(), ..one.clone() },
            DiskSpec { format: "qcow2".into(), ..one.clone() },
        ] {
            assert!(!is_attached_as(&has, &other, "none"), "{other:?}");
        }
    }

    #[test]
    fn a_disk_is_known_by_its_index_whatever_its_bus() {
        for (bus, target) in [("", "vdb"), ("virtio", "vdb"), ("scsi", "sdd"), ("sata", "sdd")] {
            let disk = DiskSpec { bus: bus.into(), ..disk(2) };
            assert_eq!(domain_xml::disk_target(&disk), target);
            assert_eq!(domain_xml::disk_index(target), Some(2));
        }
        for foreign in ["sda", "sdb", "hda", "vd", "vdaa", "v", "", "vdA", "sd\u{e4}"] {
            assert_eq!(domain_xml::disk_index(foreign), None, "{foreign}");
        }
        assert_eq!(word(2), "disk:vdb");
    }
}
