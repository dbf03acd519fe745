//! Where disks are kept: in the agent's own folder, or on a storage that the node's owner lists.
//!
//! | kind | a disk is |
//! | --- | --- |
//! | directory, mountpoint, nfs | a file `<path>/<instance>/<uuid>.<format>`, as in the agent's own folder |
//! | lvm-thin | a thin volume `<instance>-<uuid>` of a group |
//! | zfs | a volume `<instance>-<uuid>` below a data set |
//! | ceph-rbd | an image `<instance>-<uuid>` of a pool, which QEMU reaches itself |
//!
//! A folder that something should be mounted on is only used while it is. Devices are raw; libvirt gives them to the
//! guest's user at each start, since their owner does not outlast the node's reboot.

mod config;
mod device;
mod lvm;
mod mounts;
mod probe;
mod rbd;
#[cfg(test)]
mod tests;
mod zfs;

use std::path::{Path, PathBuf};

use berth_proto::{DiskSpec, StorageKind, StorageRef};
use serde::{Deserialize, Serialize};

pub use config::{StorageConfig, monitor_of};
pub use device::Devices;
pub use probe::{Room, Told, room, run, told};
pub use rbd::Pool as RbdPool;

use crate::disk::{self, DiskError, ImageRef, Mode, VolumeState};
use crate::filesystem;
use crate::ledger::VolumeRecord;
use crate::paths::{self, Paths};

/// Before the name of an image of Ceph's where a path would stand.
const RBD: &str = "rbd:";
/// Users of guests pass, and don't list.
const DIR_MODE: u32 = 0o711;

/// A storage point as the ledger keeps it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct StorageRecord {
    pub kind: String,
    pub location: String,
}

impl StorageRecord {
    pub fn of(storage: &StorageRef) -> Self {
        Self { kind: storage.kind.clone(), location: storage.location.clone() }
    }
}

/// What must hold of a folder before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It is the agent's own.
    None,
    /// The folder is there.
    There(PathBuf),
    /// Something is mounted exactly there.
    Mounted(PathBuf),
    /// The same, and it is NFS.
    Nfs(PathBuf),
}

/// Disks that are files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub dir: PathBuf,
    pub guard: Guard,
    /// Where the kernel tells what is mounted.
    pub mountinfo: PathBuf,
}

/// One place for disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    Files(Files),
    Devices(Devices),
}

/// All places of a node.
#[derive(Clone, Debug)]
pub struct Storages {
    own: PathBuf,
    instance: String,
    listed: Vec<StorageConfig>,
    mountinfo: PathBuf,
}

/// What a guest's definition says of its disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Device(PathBuf),
    Rbd { pool: RbdPool, image: String },
}

impl Source {
    /// By which a running guest's disk is known, see [`crate::domain_xml::RunningDisk`].
    pub fn key(&self) -> PathBuf {
        match self {
            Source::File(path) | Source::Device(path) => path.clone(),
            Source::Rbd { image, .. } => format!("{RBD}{image}").into(),
        }
    }

    /// The image of Ceph's that has this key.
    pub fn rbd_image(key: &str) -> Option<&str> {
        key.strip_prefix(RBD)
    }

    /// The same from what libvirt says of a disk.
    pub fn key_of_rbd(image: &str) -> PathBuf {
        format!("{RBD}{image}").into()
    }
}

impl Files {
    /// Whether it may be written to now.
    pub fn check_guard(&self) -> Result<(), String> {
        let (root, wants_nfs) = match &self.guard {
            Guard::None => return Ok(()),
            Guard::There(root) if root.is_dir() => return Ok(()),
            Guard::There(root) => return Err(format!("the folder {} is not there", root.display())),
            Guard::Mounted(root) => (root, false),
            Guard::Nfs(root) => (root, true),
        };
        let info = std::fs::read_to_string(&self.mountinfo)
            .map_err(|error| format!("{}: {error}", self.mountinfo.display()))?;
        match mounts::mounted(&info, root) {
            None => Err(format!("nothing is mounted on {}", root.display())),
            Some(kind) if wants_nfs && !kind.starts_with("nfs") => {
                Err(format!("what is mounted on {} is no NFS but {kind}", root.display()))
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether it may be used now; whoever looks into a mount of a server that is away does not come back.
    async fn answers(&self) -> Result<(), DiskError> {
        let outcome = match self.guard {
            Guard::Nfs(_) => probe::room(&Point::Files(self.clone())).await.map(drop),
            _ => self.check_guard(),
        };
        outcome.map_err(DiskError::Refused)
    }

    /// The folder for this instance's disks. It is made within what is mounted and never with the folders above it, so
    /// that a storage that goes away meanwhile is an error and not a new folder.
    fn ensure_dir(&self) -> Result<(), DiskError> {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        self.check_guard().map_err(DiskError::Refused)?;
        if self.guard == Guard::None || self.dir.is_dir() {
            return Ok(());
        }
        let io = DiskError::io(&self.dir);
        std::fs::DirBuilder::new().mode(DIR_MODE).create(&self.dir).map_err(&io)?;
        std::fs::set_permissions(&self.dir, std::fs::Permissions::from_mode(DIR_MODE)).map_err(&io)
    }
}

impl Storages {
    pub fn new(paths: &Paths, instance: &str, listed: &[StorageConfig]) -> Self {
        Self {
            own: paths.volumes_dir(),
            instance: instance.to_owned(),
            listed: listed.to_vec(),
            mountinfo: mounts::MOUNTINFO.into(),
        }
    }

    /// Those that the node's owner lists, with kind and location.
    pub fn listed(&self) -> Vec<(StorageKind, String, Point)> {
        let known = self.listed.iter().filter_map(|one| Some((one.kind()?, one)));
        known.map(|(kind, one)| (kind, one.location().to_owned(), self.of_config(kind, one))).collect()
    }

    /// The agent's own folder.
    pub fn own(&self) -> Point {
        self.files(self.own.clone(), Guard::None)
    }

    fn files(&self, dir: PathBuf, guard: Guard) -> Point {
        Point::Files(Files { dir, guard, mountinfo: self.mountinfo.clone() })
    }

    fn of_config(&self, kind: StorageKind, one: &StorageConfig) -> Point {
        let location = one.location();
        let files =
            |guard: fn(PathBuf) -> Guard| self.files(Path::new(location).join(&self.instance), guard(location.into()));
        match kind {
            StorageKind::Directory => files(Guard::There),
            StorageKind::Mountpoint => files(Guard::Mounted),
            StorageKind::Nfs => files(Guard::Nfs),
            StorageKind::LvmThin => match lvm::Thin::parse(location) {
                Some(pool) => Point::Devices(Devices::Lvm(pool)),
                // Such a configuration is refused at the start.
                None => self.own(),
            },
            StorageKind::Zfs => Point::Devices(Devices::Zfs(zfs::DataSet(location.to_owned()))),
            StorageKind::CephRbd => Point::Devices(Devices::Rbd(RbdPool {
                name: location.to_owned(),
                user: one.ceph_user.clone(),
                secret_uuid: one.ceph_secret_uuid.clone(),
                monitors: one.ceph_monitors.clone(),
            })),
        }
    }

    /// The place that a specification names, or why the node does not take it.
    pub fn point(&self, storage: Option<&StorageRef>) -> Result<Point, String> {
        let Some(storage) = storage else { return Ok(self.own()) };
        self.named(&storage.kind, &storage.location)
    }

    fn named(&self, kind: &str, location: &str) -> Result<Point, String> {
        let one = self.listed.iter().find(|one| one.kind == kind && one.location() == location);
        match one.and_then(|one| Some(self.of_config(one.kind()?, one))) {
            Some(point) => Ok(point),
            None => Err(format!("the storage {kind} {location} is not one that this node's owner allows")),
        }
    }

    /// What of the specification's disk this node does not take.
    pub fn check(&self, disk: &DiskSpec) -> Result<(), String> {
        match self.point(disk.storage.as_ref())? {
            Point::Devices(_) if disk.format != "raw" => {
                Err(format!("disk {} is a device, and devices are raw, not {}", disk.index, disk.format))
            }
            _ => Ok(()),
        }
    }

    fn name(&self, volume_uuid: &str) -> String {
        format!("{}-{}", self.instance, paths::plain(volume_uuid))
    }

    /// Of a specification that passed [`Storages::check`]; another's is in the agent's own folder.
    pub fn source(&self, disk: &DiskSpec) -> Source {
        let point = self.point(disk.storage.as_ref()).unwrap_or_else(|_| self.own());
        self.source_at(&point, &disk.volume_uuid, &disk.format)
    }

    /// Of a volume that was made before.
    pub fn source_of(&self, volume: &VolumeRecord) -> Result<Source, String> {
        let point = self.of_record(volume)?;
        Ok(self.source_at(&point, &volume.volume_uuid, &volume.format))
    }

    fn of_record(&self, volume: &VolumeRecord) -> Result<Point, String> {
        match &volume.storage {
            None => Ok(self.own()),
            Some(storage) => self.named(&storage.kind, &storage.location),
        }
    }

    fn source_at(&self, point: &Point, volume_uuid: &str, format: &str) -> Source {
        let name = self.name(volume_uuid);
        match point {
            Point::Files(files) => Source::File(paths::volume_in(&files.dir, volume_uuid, format)),
            Point::Devices(Devices::Rbd(pool)) => Source::Rbd { image: pool.image(&name), pool: pool.clone() },
            Point::Devices(devices) => Source::Device(devices.device(&name).unwrap_or_default()),
        }
    }

    /// As QEMU's programs take it, for a disk of which [`Storages::ensure`] said that it is there.
    pub fn target(&self, disk: &DiskSpec) -> String {
        match self.point(disk.storage.as_ref()) {
            Ok(Point::Devices(devices)) => devices.target(&self.name(&disk.volume_uuid)),
            _ => self.source(disk).key().display().to_string(),
        }
    }

    /// The volume that such a source in a guest's definition is; none where it is not one of this instance's.
    pub fn record_of(&self, key: &str) -> Option<VolumeRecord> {
        let file = |dir: &Path, storage: Option<StorageRecord>| {
            let path = Path::new(key);
            let text = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).map(str::to_owned);
            let (volume_uuid, format) = (text(path.file_stem())?, text(path.extension())?);
            (path.parent() == Some(dir)).then_some(VolumeRecord { volume_uuid, format, storage })
        };
        if let Some(own) = file(&self.own, None) {
            return Some(own);
        }
        self.listed().into_iter().find_map(|(kind, location, point)| {
            let storage = Some(StorageRecord { kind: kind.name().to_owned(), location });
            match point {
                Point::Files(files) => file(&files.dir, storage),
                Point::Devices(devices) => {
                    let empty = self.name("");
                    let prefix = match &devices {
                        Devices::Rbd(pool) => format!("{RBD}{}", pool.image(&empty)),
                        devices => devices.target(&empty),
                    };
                    let volume_uuid = key.strip_prefix(&prefix).filter(|uuid| uuid.len() == 36)?.to_owned();
                    Some(VolumeRecord { volume_uuid, format: "raw".to_owned(), storage })
                }
            }
        })
    }

    /// Whether the volume is there.
    pub async fn exists(&self, disk: &DiskSpec) -> Result<bool, DiskError> {
        match self.point(disk.storage.as_ref()).map_err(DiskError::Refused)? {
            Point::Files(files) => {
                files.answers().await?;
                Ok(paths::volume_in(&files.dir, &disk.volume_uuid, &disk.format).exists())
            }
            Point::Devices(devices) => Ok(devices.size(&self.name(&disk.volume_uuid)).await?.is_some()),
        }
    }

    /// As [`disk::ensure_volume`], wherever the disk is to be.
    pub async fn ensure(
        &self,
        disk: &DiskSpec,
        owner_uid: u32,
        image: Option<&ImageRef>,
        mode: Mode,
        progress: impl Fn(u32),
    ) -> Result<VolumeState, DiskError> {
        self.check(disk).map_err(DiskError::Refused)?;
        match self.point(disk.storage.as_ref()).map_err(DiskError::Refused)? {
            Point::Files(files) => {
                files.answers().await?;
                files.ensure_dir()?;
                let path = paths::volume_in(&files.dir, &disk.volume_uuid, &disk.format);
                disk::ensure_volume(&path, disk, owner_uid, image, mode, progress).await
            }
            Point::Devices(devices) => {
                let (bytes, name) = (disk::checked_capacity(disk)?, self.name(&disk.volume_uuid));
                let capacity_bytes = devices.ensure(&name, bytes, image, progress).await?;
                Ok(VolumeState {
                    path: self.source(disk).key(),
                    format: disk.format.clone(),
                    capacity_bytes,
                    allocated_bytes: 0,
                    linked: false,
                })
            }
        }
    }

    /// Takes this instance's folders away where no disk is left in them.
    pub fn remove_dirs(&self) {
        for (_, _, point) in self.listed() {
            if let Point::Files(files) = point {
                // A folder with something in it stays.
                let _ = std::fs::remove_dir(&files.dir);
            }
        }
    }

    /// Removes a volume and what an interrupted making left of it. What is not mounted now is an error: the volume would
    /// stay, and nobody would know of it.
    pub async fn remove(&self, volume: &VolumeRecord) -> Result<(), DiskError> {
        disk::remove_if_there(&filesystem::scratch(&self.own, &volume.volume_uuid))?;
        match self.of_record(volume).map_err(DiskError::Refused)? {
            Point::Files(files) => {
                files.answers().await?;
                disk::remove_volume(&files.dir, &volume.volume_uuid)
            }
            Point::Devices(devices) => devices.remove(&self.name(&volume.volume_uuid)).await,
        }
    }
}
