//! The node tests itself: whether a guest would boot here, on each kind of storage, behind filters and on its bridges.
//!
//! A test runs once for its id and is asked for again and again until it has ended. Nothing of it is remembered on disk:
//! an agent that was killed in the middle begins anew when it is asked, and takes away what the dead one left. The
//! throw-away guest ends by itself, and by a limit that outlives the agent.

mod bridged;
mod checks;
mod guest;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use berth_proto::{self as proto, selftest_reply::State};
use tonic::Status;

use crate::{
    agent::Agent,
    ledger::VolumeRecord,
    paths::Paths,
    storage::{StorageRecord, Storages},
};

pub use guest::{VOLUMES, scratch_dir};

/// The newest test of this process.
#[derive(Default)]
pub struct Selftest(Mutex<Option<Run>>);

#[derive(Clone)]
struct Run {
    id: String,
    is_over: bool,
    checks: Vec<proto::SelftestCheck>,
}

impl Selftest {
    fn lock(&self) -> MutexGuard<'_, Option<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the test of this id, or answers how far it is.
pub fn ask(agent: &Arc<Agent>, id: &str) -> Result<proto::SelftestReply, Status> {
    let mut newest = agent.selftest.lock();
    match newest.as_ref() {
        Some(run) if run.id == id => return Ok(reply(run)),
        Some(run) if !run.is_over => return Err(Status::unavailable("another self-test runs on this node")),
        _ => {}
    }
    let run = Run { id: id.to_owned(), is_over: false, checks: Vec::new() };
    let answer = reply(&run);
    *newest = Some(run);
    tokio::spawn(carry_out(Arc::clone(agent)));
    Ok(answer)
}

fn reply(run: &Run) -> proto::SelftestReply {
    let state = if run.is_over { State::Done } else { State::Running };
    proto::SelftestReply { state: state.into(), checks: run.checks.clone() }
}

async fn carry_out(agent: Arc<Agent>) {
    sweep(&agent.paths, &agent.storages()).await;
    checks::all(&agent, |check| {
        tracing::info!(name = check.name, outcome = ?check.outcome(), detail = check.detail, "self-test");
        if let Some(run) = agent.selftest.lock().as_mut() {
            run.checks.push(check);
        }
    })
    .await;
    sweep(&agent.paths, &agent.storages()).await;
    if let Some(run) = agent.selftest.lock().as_mut() {
        run.is_over = true;
    }
}

/// Takes away what a test has made, also one that was killed.
pub async fn sweep(paths: &Paths, storages: &Storages) {
    let listed = storages.listed().into_iter();
    let listed = listed.map(|(kind, location, _)| Some(StorageRecord { kind: kind.name().to_owned(), location }));
    for storage in std::iter::once(None).chain(listed) {
        for volume in VOLUMES {
            let volume =
                VolumeRecord { volume_uuid: volume.to_owned(), format: "raw".to_owned(), storage: storage.clone() };
            // A storage that can't be used now holds none that a test of now could take for its own.
            if let Err(error) = storages.remove(&volume).await {
                tracing::debug!(%error, "a self-test's disk stays");
            }
        }
    }
    match std::fs::remove_dir_all(scratch_dir(paths)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, "a self-test's files stay");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_killed_test_left_is_taken_away_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path());
        paths.ensure_dirs().unwrap();
        let keep = paths.volume("5de5a89b-b707-41bf-a051-7af1a4e67795", "qcow2");
        std::fs::write(&keep, "a guest's").unwrap();
        for volume in VOLUMES {
            for format in ["qcow2", "raw"] {
                let path = paths.volume(volume, format);
                std::fs::write(&path, "").unwrap();
                std::fs::write(format!("{}.part", path.display()), "").unwrap();
            }
        }
        std::fs::create_dir(scratch_dir(&paths)).unwrap();
        std::fs::write(scratch_dir(&paths).join("boot.img"), "").unwrap();
        for _ in 0..2 {
            sweep(&paths, &Storages::new(&paths, "berth", &[])).await;
            let left: Vec<_> =
                std::fs::read_dir(paths.volumes_dir()).unwrap().map(|file| file.unwrap().path()).collect();
            assert_eq!(left, std::slice::from_ref(&keep));
            assert!(!scratch_dir(&paths).exists());
        }
    }
}
