//! What the node's storages have, and what they lack: looked up now and then, and remembered in between. A storage
//! across the network that hangs costs its own look and nothing else.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use berth_proto as proto;
use tokio_util::sync::CancellationToken;

use super::{Devices, Files, Guard, Point, Storages};
use crate::{
    agent::Agent,
    block_devices::{self, Counters, Device},
    probe, sentence,
};

/// How often.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// For one storage.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// Bytes of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub total_bytes: u64,
    pub free_bytes: u64,
}

/// A storage as the control server is told of it, and the block device that it is on.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub root: proto::StorageRoot,
    pub device: Option<Device>,
}

impl Told {
    /// The same with what passed its device until now.
    pub fn with(&self, counters: &Counters) -> proto::StorageRoot {
        let io = self.device.and_then(|device| counters.get(&device).copied());
        proto::StorageRoot { io, ..self.root.clone() }
    }
}

/// Size and free room, or why it can't be used: it is not mounted, its programs are not installed, guests may not pass.
pub async fn room(point: &Point) -> Result<Room, String> {
    let look = async {
        match point {
            Point::Files(files) => {
                let files = files.clone();
                // A mount of a server that is away holds whoever asks.
                let looked = tokio::task::spawn_blocking(move || room_of_files(&files));
                looked.await.map_err(|error| error.to_string())?
            }
            Point::Devices(devices) => devices.probe().await,
        }
    };
    let late = |_| Err(format!("it did not answer within {} s", LOOK_LIMIT.as_secs()));
    tokio::time::timeout(LOOK_LIMIT, look).await.unwrap_or_else(late)
}

fn root_of(files: &Files) -> &Path {
    match &files.guard {
        Guard::None => &files.dir,
        Guard::There(root) | Guard::Mounted(root) | Guard::Nfs(root) => root,
    }
}

/// The block device of a storage that answered a moment ago.
async fn device(point: &Point) -> Option<Device> {
    match point {
        Point::Files(Files { guard: Guard::Nfs(_), .. }) => None,
        Point::Files(files) => {
            let root = root_of(files).to_owned();
            let look = tokio::task::spawn_blocking(move || block_devices::under(&root));
            tokio::time::timeout(LOOK_LIMIT, look).await.ok()?.ok()?
        }
        Point::Devices(Devices::Lvm(pool)) => {
            block_devices::mapped(block_devices::SYS_BLOCK.as_ref(), &pool.mapped_name())
        }
        Point::Devices(Devices::Zfs(_) | Devices::Rbd(_)) => None,
    }
}

fn room_of_files(files: &Files) -> Result<Room, String> {
    files.check_guard()?;
    let root = root_of(files);
    passable(root)?;
    let found = probe::storage_root(root, false).map_err(|error| format!("{}: {error}", root.display()))?;
    Ok(Room { total_bytes: found.total_bytes, free_bytes: found.free_bytes })
}

/// Each guest's QEMU is a user of its own, who passes these folders.
fn passable(root: &Path) -> Result<(), String> {
    for folder in root.ancestors() {
        let found = folder.metadata().map_err(|error| format!("{}: {error}", folder.display()))?;
        if found.permissions().mode() & 0o001 == 0 {
            return Err(format!("guests' users may not pass {} (chmod o+x)", folder.display()));
        }
    }
    Ok(())
}

/// As the control server is told; the node's own folder is not among them.
pub async fn told(storages: &Storages) -> Vec<Told> {
    let looks = storages.listed().into_iter().map(async |(kind, location, point)| {
        let (found, device, trouble) = match room(&point).await {
            Ok(found) => (found, device(&point).await, String::new()),
            Err(why) => (Room { total_bytes: 0, free_bytes: 0 }, None, sentence(&why)),
        };
        let root = proto::StorageRoot {
            path: location,
            kind: kind.name().to_owned(),
            total_bytes: found.total_bytes,
            free_bytes: found.free_bytes,
            is_default: false,
            trouble,
            io: None,
        };
        Told { root, device }
    });
    futures::future::join_all(looks).await
}

/// Looks again and again until `shutdown`.
pub async fn run(agent: Arc<Agent>, shutdown: CancellationToken) {
    loop {
        agent.set_storage(told(&agent.storages()).await);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
