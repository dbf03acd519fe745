//! The disks of guests: made, grown, made independent of their template, and removed.
//!
//! A volume has a UUID of its own for each build, so that making it twice is making it once: a file of that name is
//! taken as it is and only ever grown, never overwritten and never shrunk. It is made under a `.part` name and
//! renamed when it is whole, so that a kill leaves no half volume behind. The format is told to QEMU each time and
//! never guessed: a guest can write another format's header onto its raw disk.

use std::fmt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use berth_proto::DiskSpec;
use serde::{Deserialize, Serialize};

use crate::cmd::{Cmd, CmdError};
use crate::paths;
use crate::qcow2;

/// The largest disk that is made, whatever the control server says.
pub const CAPACITY_LIMIT_GIB: u64 = 64 << 10;
/// Copying a template of 100 GB at 30 MB/s.
const COPY_TIMEOUT: Duration = Duration::from_secs(3600);
/// Creating and growing write little; a busy disk may still take its time.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(120);
/// Only the guest's own user (and root) reads its disk.
const VOLUME_MODE: u32 = 0o600;

/// A template in the node's cache, already checked by [`crate::image`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRef {
    pub path: PathBuf,
    /// "qcow2" or "raw".
    pub format: String,
    pub virtual_bytes: u64,
}

/// How a new disk comes by its template's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// At once: the disk reads from the template what the guest has not written. Raw disks can't, and are copied.
    #[default]
    Linked,
    /// By a copy.
    Full,
}

/// What there is of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeState {
    pub path: PathBuf,
    pub format: String,
    pub capacity_bytes: u64,
    pub allocated_bytes: u64,
    /// Still reads from the template.
    pub linked: bool,
}

/// Why a disk is not as it should be. The display form is a sentence for an operator.
#[derive(Debug)]
pub enum DiskError {
    /// Asked for something that is never done; trying again does not help.
    Refused(String),
    /// The storage has no room.
    Full {
        path: PathBuf,
    },
    /// A running guest holds it: change it through libvirt.
    InUse {
        path: PathBuf,
    },
    Tool(CmdError),
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskError::Refused(sentence) => f.write_str(sentence),
            DiskError::Full { path } => write!(f, "the storage of this node is full: no room for {}", path.display()),
            DiskError::InUse { path } => write!(f, "{} is in use by a running guest", path.display()),
            DiskError::Tool(error) => error.fmt(f),
            DiskError::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for DiskError {}

impl DiskError {
    pub(crate) fn tool(path: &Path) -> impl Fn(CmdError) -> DiskError + '_ {
        move |error| {
            let said = error.stderr();
            if said.contains("No space left on device") || said.contains("Disk quota exceeded") {
                DiskError::Full { path: path.into() }
            } else if said.contains("Failed to get") && said.contains("lock") {
                DiskError::InUse { path: path.into() }
            } else {
                DiskError::Tool(error)
            }
        }
    }

    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> DiskError + '_ {
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                DiskError::Full { path: path.into() }
            }
            _ => DiskError::Io { path: path.into(), source },
        }
    }
}

/// Makes the volume where it is missing, grows it where it is smaller than it should be, and gives it to the guest's
/// user. `path` names it in a folder of disks, `image` is the template of a new volume, none for an empty disk. `progress` is told 0 to 100 while a copy
/// runs.
pub async fn ensure_volume(
    path: &Path,
    disk: &DiskSpec,
    owner_uid: u32,
    image: Option<&ImageRef>,
    mode: Mode,
    progress: impl Fn(u32),
) -> Result<VolumeState, DiskError> {
    let capacity_bytes = checked_capacity(disk)?;
    if !path.try_exists().map_err(DiskError::io(path))? {
        create(path, disk, capacity_bytes, image, mode, progress).await?;
    }
    let mut state = volume_info(path, &disk.format)?;
    if state.capacity_bytes < capacity_bytes {
        resize(path, &disk.format, capacity_bytes).await?;
        state = volume_info(path, &disk.format)?;
    }
    own(path, owner_uid, VOLUME_MODE)?;
    Ok(state)
}

pub(crate) fn checked_capacity(disk: &DiskSpec) -> Result<u64, DiskError> {
    if disk.format != "qcow2" && disk.format != "raw" {
        return Err(DiskError::Refused(format!("disks of the format '{}' are not made here", disk.format)));
    }
    if disk.capacity_gib == 0 || disk.capacity_gib > CAPACITY_LIMIT_GIB {
        return Err(DiskError::Refused(format!(
            "a disk has 1 to {CAPACITY_LIMIT_GIB} GiB, and {} were asked for",
            disk.capacity_gib
        )));
    }
    Ok(disk.capacity_gib << 30)
}

pub(crate) fn too_small(image: &ImageRef, capacity_gib: u64) -> DiskError {
    DiskError::Refused(format!(
        "the template needs a disk of at least {} GiB, and this one has {capacity_gib}",
        image.virtual_bytes.div_ceil(1 << 30)
    ))
}

async fn create(
    path: &Path,
    disk: &DiskSpec,
    capacity_bytes: u64,
    image: Option<&ImageRef>,
    mode: Mode,
    progress: impl Fn(u32),
) -> Result<(), DiskError> {
    let part = part_of(path);
    remove_if_there(&part)?;
    let made = async {
        match image {
            None => create_empty(&part, &disk.format, capacity_bytes).await?,
            Some(image) if image.virtual_bytes > capacity_bytes => {
                return Err(too_small(image, disk.capacity_gib));
            }
            Some(image) if mode == Mode::Linked && disk.format == "qcow2" => {
                create_linked(&part, image, capacity_bytes).await?;
            }
            Some(image) => {
                copy(&part, &disk.format, image, progress).await?;
                resize(&part, &disk.format, capacity_bytes).await?;
            }
        }
        publish(&part, path)
    };
    let outcome = made.await;
    if outcome.is_err() {
        // What is left of a failed copy would keep a full disk full.
        let _ = remove_if_there(&part);
    }
    outcome
}

/// New blocks read as zeroes: both formats are made sparse, so no other guest's old data shows through.
async fn create_empty(part: &Path, format: &str, capacity_bytes: u64) -> Result<(), DiskError> {
    let cmd = qemu_img(CHANGE_TIMEOUT).args(["create", "-q", "-f", format]);
    let cmd = cmd.arg(part).arg(capacity_bytes.to_string());
    cmd.run().await.map(drop).map_err(DiskError::tool(part))
}

async fn create_linked(part: &Path, image: &ImageRef, capacity_bytes: u64) -> Result<(), DiskError> {
    let cmd = qemu_img(CHANGE_TIMEOUT).args(["create", "-q", "-f", "qcow2", "-F", &image.format, "-b"]);
    let cmd = cmd.arg(&image.path).arg(part).arg(capacity_bytes.to_string());
    cmd.run().await.map(drop).map_err(DiskError::tool(part))
}

async fn copy(part: &Path, format: &str, image: &ImageRef, progress: impl Fn(u32)) -> Result<(), DiskError> {
    let cmd = qemu_img(COPY_TIMEOUT).args(["convert", "-p", "-f", &image.format, "-O", format]);
    run_copy(cmd.arg(&image.path).arg(part), part, progress).await
}

/// Onto a device that was just made and reads as zeroes.
pub(crate) async fn copy_onto(target: &str, image: &ImageRef, progress: impl Fn(u32)) -> Result<(), DiskError> {
    run_copy(onto(target, image), Path::new(target), progress).await
}

pub(crate) fn onto(target: &str, image: &ImageRef) -> Cmd {
    let cmd = qemu_img(COPY_TIMEOUT).args(["convert", "-p", "-n", "--target-is-zero", "-f", &image.format]);
    cmd.args(["-O", "raw"]).arg(&image.path).arg(target)
}

async fn run_copy(cmd: Cmd, part: &Path, progress: impl Fn(u32)) -> Result<(), DiskError> {
    let mut last = None;
    cmd.run_watched(|piece| {
        let percent = percent_in(piece);
        if percent.is_some() && percent != last {
            last = percent;
            progress(percent.unwrap_or(0));
        }
    })
    .await
    .map(drop)
    .map_err(DiskError::tool(part))
}

/// qemu-img writes `    (12.34/100%)` and a carriage return, again and again.
fn percent_in(piece: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(piece);
    let (before, _) = text.rsplit_once("/100%)")?;
    let (_, number) = before.rsplit_once('(')?;
    // Whole percents, cut: the copy is done only when the program has ended.
    number.trim().split('.').next()?.parse::<u32>().ok().map(|percent| percent.min(100))
}

async fn resize(path: &Path, format: &str, capacity_bytes: u64) -> Result<(), DiskError> {
    // Without --shrink qemu-img refuses to make a disk smaller, and that is how it should be.
    let cmd = qemu_img(CHANGE_TIMEOUT).args(["resize", "-q", "-f", format]).arg(path).arg(capacity_bytes.to_string());
    cmd.run().await.map(drop).map_err(DiskError::tool(path))
}

/// What the file says of itself, read as `format` whatever its first bytes claim. Works while a guest runs.
pub fn volume_info(path: &Path, format: &str) -> Result<VolumeState, DiskError> {
    use std::os::unix::fs::MetadataExt;
    const BLOCK_BYTES: u64 = 512;
    let meta = path.metadata().map_err(DiskError::io(path))?;
    let (capacity_bytes, linked) = match format {
        "qcow2" => {
            let header = qcow2::read_header(path).map_err(DiskError::io(path))?;
            if !header.is_qcow2 {
                return Err(DiskError::Refused(format!("{} is not a qcow2 image", path.display())));
            }
            (header.virtual_bytes, header.has_backing)
        }
        _ => (meta.len(), false),
    };
    let allocated_bytes = meta.blocks() * BLOCK_BYTES;
    Ok(VolumeState { path: path.into(), format: format.into(), capacity_bytes, allocated_bytes, linked })
}

/// Makes the disk of a guest that is off independent of its template. A guest that runs is libvirt's to change
/// (`virDomainBlockPull`).
pub async fn flatten(path: &Path, format: &str) -> Result<(), DiskError> {
    if format != "qcow2" || !volume_info(path, format)?.linked {
        return Ok(());
    }
    let cmd = qemu_img(COPY_TIMEOUT).args(["rebase", "-q", "-f", format, "-b", ""]).arg(path);
    cmd.run().await.map(drop).map_err(DiskError::tool(path))
}

/// Removes the volume from a folder in each format it may have, and what an interrupted creation left of it.
pub fn remove_volume(dir: &Path, volume_uuid: &str) -> Result<(), DiskError> {
    for format in ["qcow2", "raw"] {
        let path = paths::volume_in(dir, volume_uuid, format);
        remove_if_there(&path)?;
        remove_if_there(&part_of(&path))?;
    }
    Ok(())
}

/// Gives a file to the guest's user and group, which have the same number.
pub fn own(path: &Path, uid: u32, mode: u32) -> Result<(), DiskError> {
    let io = DiskError::io(path);
    let now = path.metadata().map_err(&io)?;
    if now.permissions().mode() & 0o7777 != mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(&io)?;
    }
    use std::os::unix::fs::MetadataExt;
    if (now.uid(), now.gid()) != (uid, uid) {
        chown(path, Some(uid), Some(uid)).map_err(&io)?;
    }
    Ok(())
}

/// `<file>.part` becomes the file, durably.
pub(crate) fn publish(part: &Path, path: &Path) -> Result<(), DiskError> {
    let io = DiskError::io(path);
    std::fs::File::open(part).and_then(|file| file.sync_all()).map_err(&io)?;
    std::fs::rename(part, path).map_err(&io)?;
    let dir = path.parent().unwrap_or(Path::new("/"));
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(&io)
}

pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

pub(crate) fn remove_if_there(path: &Path) -> Result<(), DiskError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DiskError::io(path)(error)),
        _ => Ok(()),
    }
}

fn qemu_img(timeout: Duration) -> Cmd {
    Cmd::new("qemu-img").timeout(timeout)
}

#[cfg(test)]
mod tests;
