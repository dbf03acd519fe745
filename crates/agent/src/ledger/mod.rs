//! What this node was told and how far it got, on disk: one JSON file for each server.
//!
//! A file is replaced as a whole and synced before anybody is told that something was stored. Files carry a version;
//! one from a newer release is refused instead of half understood.

mod entry;
pub(crate) mod file;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub use entry::{Defined, Entry, OpRecord, OpState, Refusal, VolumeRecord};

pub struct Ledger {
    dir: PathBuf,
    entries: Mutex<HashMap<String, Entry>>,
}

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the node's ledger can't be written: {0}")]
    Io(#[from] std::io::Error),
    #[error("the node's ledger has a file that can't be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl Ledger {
    /// Reads all files of the folder.
    pub fn open(dir: PathBuf) -> Result<Self, LedgerError> {
        let entries = file::read_all(&dir)?;
        Ok(Self { dir, entries: Mutex::new(entries) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, server_uuid: &str) -> Option<Entry> {
        self.lock().get(server_uuid).cloned()
    }

    pub fn all(&self) -> Vec<Entry> {
        let mut all: Vec<Entry> = self.lock().values().cloned().collect();
        all.sort_by(|a, b| a.server_uuid.cmp(&b.server_uuid));
        all
    }

    /// Whether what is told now could be kept: whether its folder takes files.
    pub fn check(&self) -> Result<(), LedgerError> {
        let _entries = self.lock();
        Ok(file::probe(&self.dir)?)
    }

    /// Changes an entry, which is made where it is missing; kept in memory and on disk, or in neither.
    pub fn change<T>(
        &self,
        server_uuid: &str,
        change: impl FnOnce(&mut Entry) -> Result<T, Refusal>,
    ) -> Result<T, LedgerError> {
        let mut entries = self.lock();
        let before = entries.get(server_uuid).cloned();
        let mut entry = before.clone().unwrap_or_else(|| Entry::new(server_uuid));
        let value = change(&mut entry)?;
        if before.as_ref() != Some(&entry) {
            file::write(&self.dir, &entry)?;
            entries.insert(server_uuid.to_owned(), entry);
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use berth_proto::ServerSpec;

    use super::*;

    const UUID: &str = "5de5a89b-b707-41bf-a051-7af1a4e67795";

    fn spec(generation: u64, vcpus: u32) -> ServerSpec {
        ServerSpec { server_uuid: UUID.into(), cluster_epoch: 1, generation, vcpus, ..ServerSpec::default() }
    }

    fn apply(ledger: &Ledger, token: u64, spec: &ServerSpec) -> Result<bool, LedgerError> {
        ledger.change(UUID, |entry| {
            entry.check_fence(token)?;
            entry.take_spec(spec)
        })
    }

    #[test]
    fn t19_an_older_specification_is_refused_and_a_repeated_one_is_not_new() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path().into()).unwrap();
        assert!(apply(&ledger, 1, &spec(2, 1)).unwrap());
        assert!(!apply(&ledger, 1, &spec(2, 1)).unwrap(), "the same again changes nothing");
        assert!(matches!(apply(&ledger, 1, &spec(2, 9)), Err(LedgerError::Refused(Refusal::Changed(_)))));
        assert!(matches!(apply(&ledger, 1, &spec(1, 1)), Err(LedgerError::Refused(Refusal::Old(_)))));
        let restored = ServerSpec { cluster_epoch: 2, generation: 1, ..spec(1, 1) };
        assert!(apply(&ledger, 1, &restored).unwrap(), "a higher epoch is newer whatever the generation");
    }

    #[test]
    fn a_stale_runner_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path().into()).unwrap();
        apply(&ledger, 7, &spec(1, 1)).unwrap();
        assert!(matches!(apply(&ledger, 6, &spec(2, 1)), Err(LedgerError::Refused(Refusal::Fenced(_)))));
        apply(&ledger, 7, &spec(2, 1)).unwrap();
    }

    #[test]
    fn a_late_apply_raises_nobody_from_the_dead() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path().into()).unwrap();
        apply(&ledger, 1, &spec(3, 1)).unwrap();
        ledger.change(UUID, |entry| entry.bury(1, 4)).unwrap();
        assert!(matches!(apply(&ledger, 1, &spec(4, 1)), Err(LedgerError::Refused(Refusal::Buried(_)))));
        assert!(apply(&ledger, 1, &spec(5, 1)).unwrap());
    }

    #[test]
    fn everything_is_there_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path().into()).unwrap();
        apply(&ledger, 3, &spec(2, 4)).unwrap();
        ledger
            .change(UUID, |entry| {
                entry.should_run = true;
                Ok(())
            })
            .unwrap();
        let again = Ledger::open(dir.path().into()).unwrap();
        assert_eq!(again.get(UUID), ledger.get(UUID));
        assert_eq!(again.get(UUID).unwrap().spec().unwrap().vcpus, 4);
    }

    /// Set to write the file anew, which is done when a release is made.
    const REWRITE: &str = "BERTH_REWRITE_LEDGER";

    /// The file that release 0.1 writes, with something in every field.
    #[test]
    fn a_ledger_of_the_release_before_is_read_whole() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger/golden/0.1.json");
        let dir = tempfile::tempdir().unwrap();
        if std::env::var_os(REWRITE).is_some() {
            std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
            write_sample(&Ledger::open(dir.path().into()).unwrap());
            std::fs::copy(dir.path().join(format!("{UUID}.json")), &golden).unwrap();
        }
        std::fs::copy(golden, dir.path().join(format!("{UUID}.json"))).unwrap();
        let ledger = Ledger::open(dir.path().into()).unwrap();
        let read = ledger.get(UUID).unwrap();
        assert_eq!((read.cluster_epoch, read.generation, read.applied_generation), (1, 4, 4));
        assert_eq!((read.should_run, read.boot_id.as_str(), read.tombstone), (true, "boot-7", None));
        let spec = read.spec().unwrap();
        assert_eq!((spec.vcpus, spec.memory_mib, spec.disks[0].volume_uuid.as_str()), (2, 1024, "volume-1"));
        assert_eq!(
            read.volumes[0],
            VolumeRecord { volume_uuid: "volume-1".into(), format: "raw".into(), storage: None }
        );
        let op = read.op("op-1").unwrap();
        assert_eq!((op.state, op.detail.as_str(), op.guest_before), (OpState::Done, "The guest runs.", Some(3)));
        assert_eq!(op.result["guest_agent"], "true");
        assert!(
            matches!(apply(&ledger, 6, &super::tests::spec(5, 2)), Err(LedgerError::Refused(Refusal::Fenced(_)))),
            "the claim too"
        );
    }

    fn write_sample(ledger: &Ledger) {
        let disk = berth_proto::DiskSpec {
            volume_uuid: "volume-1".into(),
            index: 1,
            capacity_gib: 10,
            format: "raw".into(),
            ..Default::default()
        };
        let sample = ServerSpec { memory_mib: 1024, disks: vec![disk], ..spec(4, 2) };
        apply(ledger, 7, &sample).unwrap();
        let changed = ledger.change(UUID, |entry| {
            (entry.applied_generation, entry.should_run, entry.boot_id) = (4, true, "boot-7".into());
            entry.begin_op(OpRecord {
                op_id: "op-1".into(),
                request: "CgA=".into(),
                state: OpState::Running,
                detail: String::new(),
                result: std::collections::BTreeMap::new(),
                guest_before: Some(3),
            });
            let result = [("guest_agent".to_owned(), "true".to_owned())].into();
            entry.end_op("op-1", OpState::Done, "The guest runs.", result);
            Ok(())
        });
        changed.unwrap();
    }

    #[test]
    fn t27_a_disk_that_is_full_leaves_the_old_entry() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path().into()).unwrap();
        apply(&ledger, 1, &spec(1, 1)).unwrap();
        std::fs::remove_dir_all(dir.path()).unwrap();
        assert!(matches!(apply(&ledger, 1, &spec(2, 1)), Err(LedgerError::Io(_))));
        assert_eq!(ledger.get(UUID).unwrap().generation, 1);
    }
}
