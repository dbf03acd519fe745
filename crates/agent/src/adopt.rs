//! A lost ledger is rebuilt from the host: domains with this instance's prefix say whose server they are, and which
//! specification they were defined from.
//!
//! An adopted server goes on as it is. It can be removed with its disks, and the control server's next specification
//! makes it whole; nothing older is taken. Domains of others, also of other instances, are never looked at.

use std::sync::Arc;

use quick_xml::{XmlVersion, events::Event, reader::Reader};

use crate::{
    agent::Agent,
    domain_xml::parse_metadata,
    ledger::{Entry, VolumeRecord},
    names,
    storage::{Source, Storages},
    vm::VmError,
};

/// Adopts every server of this instance that libvirt knows and the ledger does not.
pub async fn adopt_all(agent: &Arc<Agent>) -> Result<(), VmError> {
    let instance = &agent.config.instance;
    for name in agent.libvirt.names(&format!("{instance}-")).await? {
        let Some(uuid) = names::server_of_domain(instance, &name) else { continue };
        if agent.ledger.get(uuid).is_none() {
            adopt(agent, &name, uuid).await?;
        }
    }
    Ok(())
}

async fn adopt(agent: &Arc<Agent>, name: &str, uuid: &str) -> Result<(), VmError> {
    let _lock = agent.lock(uuid).await;
    let found = agent.libvirt.definitions(name).await?;
    let (Some(stored), live) = (found.stored, found.running) else { return Ok(()) };
    let Some(found) = parse_metadata(&stored).filter(|found| found.server_uuid == uuid) else {
        tracing::warn!(
            domain = name,
            "a domain with this instance's prefix is not one of its servers; it is left alone"
        );
        return Ok(());
    };
    let volumes = volumes(&stored, &agent.storages());
    let adopted = Entry::adopted(&found, volumes, live.is_some(), &agent.boot_id);
    agent.ledger.change(uuid, |entry| {
        // Unless it was applied while this looked.
        if *entry == Entry::new(uuid) {
            *entry = adopted;
        }
        Ok(())
    })?;
    tracing::warn!(server = uuid, "adopted a server that the ledger did not know");
    Ok(())
}

/// The definition's disks that lie in the agent's own folder or on a storage that its owner lists.
fn volumes(xml: &str, storages: &Storages) -> Vec<VolumeRecord> {
    let mut reader = Reader::from_str(xml);
    let mut volumes = Vec::new();
    while let Ok(event) = reader.read_event() {
        let start = match event {
            Event::Eof => break,
            Event::Start(start) | Event::Empty(start) => start,
            _ => continue,
        };
        if start.local_name().as_ref() != "source" {
            continue;
        }
        let value = |name: &str| {
            let value = start.try_get_attribute(name).ok().flatten();
            value.and_then(|value| value.normalized_value(XmlVersion::Implicit1_0).ok().map(|v| v.into_owned()))
        };
        let image = || value("name").filter(|_| value("protocol").as_deref() == Some("rbd"));
        let image = || image().map(|image| Source::key_of_rbd(&image).display().to_string());
        let key = value("file").or_else(|| value("dev")).or_else(image);
        volumes.extend(key.and_then(|key| storages.record_of(&key)));
    }
    volumes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain_xml::Metadata,
        ledger::{Ledger, LedgerError, Refusal},
        paths::Paths,
        storage::StorageConfig,
    };
    use berth_proto::ServerSpec;

    const UUID: &str = "5de5a89b-b707-41bf-a051-7af1a4e67795";

    #[test]
    fn only_disks_of_the_agents_own_folder_are_taken_over() {
        let xml = "<domain><devices><disk><source file='/d/volumes/11111111-2222.qcow2'/></disk>\
                   <disk><source file='/srv/other.qcow2'/></disk><disk><source file='/d/seeds/x.iso'/></disk>\
                   <disk><source file='/d/volumes/../x.raw'/></disk></devices></domain>";
        let storages = Storages::new(&Paths::new("/d"), "berth", &[]);
        let found = volumes(xml, &storages);
        let own = VolumeRecord { volume_uuid: "11111111-2222".into(), format: "qcow2".into(), storage: None };
        assert_eq!(found, [own]);
    }

    #[test]
    fn disks_on_listed_storages_are_taken_over_wherever_they_are() {
        let listed = |kind: &str, path: Option<&str>, pool: Option<&str>| StorageConfig {
            kind: kind.to_owned(),
            path: path.map(str::to_owned),
            pool: pool.map(str::to_owned),
            ..StorageConfig::default()
        };
        let listed = [
            listed("mountpoint", Some("/mnt/ssd"), None),
            listed("lvm-thin", None, Some("vg0/thin")),
            listed("ceph-rbd", None, Some("rbd")),
        ];
        let xml = format!(
            "<domain><devices><disk><source file='/mnt/ssd/berth/{UUID}.raw'/></disk>\
             <disk><source dev='/dev/vg0/berth-{UUID}'/></disk><disk><source dev='/dev/vg0/root'/></disk>\
             <disk><source protocol='rbd' name='rbd/berth-{UUID}'/></disk>\
             <disk><source protocol='rbd' name='other/berth-{UUID}'/></disk>\
             <disk><source file='/mnt/ssd/other/{UUID}.raw'/></disk></devices></domain>"
        );
        let found = volumes(&xml, &Storages::new(&Paths::new("/d"), "berth", &listed));
        let kinds: Vec<_> = found.iter().map(|volume| volume.storage.as_ref().unwrap().kind.as_str()).collect();
        assert_eq!(kinds, ["mountpoint", "lvm-thin", "ceph-rbd"]);
        assert!(found.iter().all(|volume| volume.volume_uuid == UUID && volume.format == "raw"));
    }

    #[test]
    fn t19_an_adopted_server_takes_its_specification_again_and_none_that_is_older() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path().into()).unwrap();
        let spec =
            |generation| ServerSpec { server_uuid: UUID.into(), cluster_epoch: 1, generation, ..ServerSpec::default() };
        let adopted = Entry::adopted(&Metadata::of(&spec(4)), Vec::new(), true, "boot");
        ledger
            .change(UUID, |entry| {
                *entry = adopted;
                Ok(())
            })
            .unwrap();
        let apply = |generation| ledger.change(UUID, |entry| entry.take_spec(&spec(generation)));
        assert!(matches!(apply(3), Err(LedgerError::Refused(Refusal::Old(_)))));
        assert!(apply(4).unwrap());
        assert!(ledger.get(UUID).unwrap().should_run, "it runs on");
    }
}
