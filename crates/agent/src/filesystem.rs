//! File systems on new disks, made before any guest has written to them: a sparse file gets the file system, and the
//! volume is made as a copy of it, as it is of a template. So there is one way for files, devices and Ceph's images, no
//! volume is attached to the host, and no program of the host reads what a guest wrote.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    cmd::{Cmd, PATH},
    disk::{DiskError, ImageRef, remove_if_there},
    paths,
};

/// What a specification may name, and the program that makes it.
const KNOWN: [(&str, &str); 4] =
    [("ext4", "mkfs.ext4"), ("xfs", "mkfs.xfs"), ("btrfs", "mkfs.btrfs"), ("ntfs", "mkfs.ntfs")];
/// They write their tables only; those of a large disk take a while on a busy storage.
const MAKE_TIMEOUT: Duration = Duration::from_secs(300);

/// Those that this node has the programs for.
pub fn available() -> Vec<String> {
    let is_there = |program: &str| PATH.split(':').any(|dir| Path::new(dir).join(program).is_file());
    KNOWN.iter().filter(|(_, program)| is_there(program)).map(|(name, _)| (*name).to_owned()).collect()
}

pub fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == name)
}

/// Where a volume's is made.
pub fn scratch(volumes_dir: &Path, volume_uuid: &str) -> PathBuf {
    paths::volume_in(volumes_dir, volume_uuid, "filesystem")
}

/// A sparse file of that size with a new file system in it, for a volume to be made of. Whatever an interrupted making
/// left there is replaced.
pub async fn make(scratch: &Path, name: &str, capacity_bytes: u64) -> Result<ImageRef, DiskError> {
    remove_if_there(scratch)?;
    let made = async {
        let io = DiskError::io(scratch);
        let file = fs::File::create_new(scratch).map_err(&io)?;
        // Beyond what the agent's own file system holds in one file.
        file.set_len(capacity_bytes).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge | ErrorKind::InvalidInput => {
                DiskError::Refused(format!("no file system of {} GiB can be made here", capacity_bytes >> 30))
            }
            _ => io(error),
        })?;
        let cmd = command(name, scratch);
        let cmd = cmd.ok_or_else(|| DiskError::Refused(format!("'{name}' is no file system of this node")))?;
        cmd.run().await.map_err(DiskError::tool(scratch))
    };
    match made.await {
        Ok(_) => Ok(ImageRef { path: scratch.into(), format: "raw".to_owned(), virtual_bytes: capacity_bytes }),
        Err(error) => {
            // What is left of it would keep a full disk full.
            let _ = remove_if_there(scratch);
            Err(error)
        }
    }
}

/// The options are those for a sparse file: what reads as zeroes is not written once more.
fn command(name: &str, scratch: &Path) -> Option<Cmd> {
    let (_, program) = KNOWN.iter().find(|(known, _)| *known == name)?;
    let options: &[&str] = match name {
        "ext4" => &["-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"],
        "xfs" => &["-q", "-f", "-K"],
        "btrfs" => &["-q", "-f", "-K"],
        _ => &["-q", "-Q", "-F"],
    };
    Some(Cmd::new(program).timeout(MAKE_TIMEOUT).args(options).arg(scratch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Mode, ensure_volume};

    #[test]
    fn commands_golden() {
        let of = |(name, _): &(&str, &str)| format!("{:?}", command(name, Path::new("/v/1.filesystem")).unwrap());
        insta::assert_snapshot!("commands", KNOWN.iter().map(of).collect::<Vec<_>>().join("\n"));
        assert!(command("vfat", Path::new("/x")).is_none() && !is_known("vfat") && is_known("ntfs"));
    }

    #[tokio::test]
    async fn a_new_disk_holds_a_whole_file_system_of_its_size_in_either_format() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = scratch(dir.path(), "0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0a11");
        fs::write(&scratch, "half of one").unwrap();
        let image = make(&scratch, "ext4", 1 << 30).await.unwrap();
        for format in ["qcow2", "raw"] {
            let uid = rustix::process::getuid().as_raw();
            let disk = berth_proto::DiskSpec { capacity_gib: 1, format: format.into(), ..Default::default() };
            let path = dir.path().join(format);
            let state = ensure_volume(&path, &disk, uid, Some(&image), Mode::Full, |_| {}).await.unwrap();
            assert_eq!((state.capacity_bytes, state.linked), (1 << 30, false), "{format}");
            assert!(state.allocated_bytes < 64 << 20, "{format}: {} bytes", state.allocated_bytes);
            let raw = dir.path().join("check");
            Cmd::new("qemu-img").args(["convert", "-f", format, "-O", "raw"]).arg(&path).arg(&raw).run().await.unwrap();
            Cmd::new("e2fsck").args(["-f", "-n"]).arg(&raw).run().await.unwrap();
        }
        let unknown = make(&scratch, "vfat", 1 << 30).await.unwrap_err().to_string();
        assert_eq!((unknown.as_str(), scratch.exists()), ("'vfat' is no file system of this node", false));
    }
}
