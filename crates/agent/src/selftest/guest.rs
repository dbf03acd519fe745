//! A throw-away guest: a boot sector that writes a sector of its second disk, reads it back, compares, and tells through
//! QEMU's exit port how that went. The node then looks on the disk for what the guest says it has written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use berth_proto::{DiskSpec, StorageRef};

use crate::cmd::{Cmd, CmdError};
use crate::disk;
use crate::host::Accelerator;
use crate::paths::Paths;
use crate::storage::Storages;

/// Names of the disks, which no guest has: they are no UUIDs.
pub const VOLUMES: [&str; 1] = ["selftest"];
const CAPACITY_GIB: u64 = 1;
/// Disks are given to users; a storage that can't be told whose they are fails here.
const OWNER_UID: u32 = 65_534;
/// The guest takes a fraction of a second. The limit is another program's, so that it holds when the agent is killed.
const GUEST_LIMIT_S: u32 = 30;
const LIMIT: Duration = Duration::from_secs(40);
const SECTOR_BYTES: usize = 512;

/// Fills 512 bytes at 0x8000 with `cl ^ 0x5a` as `cx` counts down from 512; writes them to the second sector of disk 0x81
/// through the BIOS (int 13h, ah 3), clears the memory, reads them back (ah 2) and compares. Then `out 0xf4, al` with
/// 0x2a where all was well, else 0x15.
const CODE: [u8; 84] = [
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0xfc, 0xbf, 0x00, 0x80, 0xb9, 0x00, 0x02, 0x88, 0xc8, 0x34, 0x5a, 0xaa, 0xe2,
    0xf9, 0xb8, 0x01, 0x03, 0xe8, 0x2e, 0x00, 0x72, 0x25, 0xbf, 0x00, 0x80, 0xb9, 0x00, 0x01, 0x31, 0xc0, 0xf3, 0xab,
    0xb8, 0x01, 0x02, 0xe8, 0x1c, 0x00, 0x72, 0x13, 0xbe, 0x00, 0x80, 0xb9, 0x00, 0x02, 0xac, 0x34, 0x5a, 0x38, 0xc8,
    0x75, 0x06, 0xe2, 0xf7, 0xb0, 0x2a, 0xeb, 0x02, 0xb0, 0x15, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd, 0xbb, 0x00, 0x80, 0xb9,
    0x02, 0x00, 0xba, 0x81, 0x00, 0xcd, 0x13, 0xc3,
];
/// QEMU's isa-debug-exit ends with twice the written value and one.
const WENT_WELL: i32 = 0x2a * 2 + 1;
const DISK_FAILED: i32 = 0x15 * 2 + 1;

/// Where the test's own files lie.
pub fn scratch_dir(paths: &Paths) -> PathBuf {
    paths.data_dir().join("selftest")
}

/// Makes a disk as a server's is made, lets a guest write and read on it, and looks for what it wrote. `storage` is where;
/// none is the agent's own folder.
pub async fn writes_and_reads(
    (paths, storages): (&Paths, &Storages),
    emulator: &Path,
    accelerator: Accelerator,
    format: &str,
    storage: Option<StorageRef>,
) -> Result<(), String> {
    let dir = scratch_dir(paths);
    let text = |error: std::io::Error| format!("{}: {error}", dir.display());
    std::fs::create_dir_all(&dir).map_err(text)?;
    let boot = dir.join("boot.img");
    std::fs::write(&boot, boot_sector()).map_err(text)?;
    let spec = DiskSpec {
        volume_uuid: VOLUMES[0].to_owned(),
        index: 1,
        capacity_gib: CAPACITY_GIB,
        format: format.to_owned(),
        storage,
        ..DiskSpec::default()
    };
    let made = storages.ensure(&spec, OWNER_UID, None, disk::Mode::Full, |_| {}).await;
    made.map_err(|error| error.to_string())?;
    let volume = storages.target(&spec);
    boots(emulator, accelerator, &boot, &volume, format).await?;
    let copy = dir.join("written.raw");
    let read = Cmd::new("qemu-img").args(["dd", "-f", format, "-O", "raw", "bs=512", "count=2"]);
    let read = read.arg(format!("if={volume}")).arg(format!("of={}", copy.display()));
    read.run().await.map_err(|error| error.to_string())?;
    let written = std::fs::read(&copy).map_err(text)?;
    if written.get(SECTOR_BYTES..) != Some(pattern().as_slice()) {
        return Err("the guest wrote to its disk, and the disk does not hold what it wrote".to_owned());
    }
    Ok(())
}

fn boot_sector() -> [u8; SECTOR_BYTES] {
    let mut sector = [0; SECTOR_BYTES];
    sector[..CODE.len()].copy_from_slice(&CODE);
    sector[SECTOR_BYTES - 2..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// What the guest writes.
fn pattern() -> [u8; SECTOR_BYTES] {
    std::array::from_fn(|at| u8::try_from((SECTOR_BYTES - at) % 256).unwrap_or(0) ^ 0x5a)
}

async fn boots(
    emulator: &Path,
    accelerator: Accelerator,
    boot: &Path,
    volume: &str,
    format: &str,
) -> Result<(), String> {
    let (name, cpu) = match accelerator {
        Accelerator::Kvm => ("kvm", "host"),
        Accelerator::Qemu => ("tcg", "qemu64"),
    };
    let limited = Cmd::new("timeout").args(["-s", "KILL", &GUEST_LIMIT_S.to_string()]).arg(emulator);
    let machine = limited
        .args(["-accel", name, "-cpu", cpu, "-machine", "pc", "-m", "32", "-nodefaults", "-no-user-config"])
        .args(["-display", "none", "-no-reboot", "-sandbox", "on"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]);
    let disks = machine
        .arg("-drive")
        .arg(format!("if=none,id=boot,format=raw,file={}", escaped(&boot.display().to_string())))
        .args(["-device", "ide-hd,drive=boot,bootindex=0", "-drive"])
        .arg(format!("if=none,id=disk,format={format},file={}", escaped(volume)))
        .args(["-device", "virtio-blk-pci,drive=disk"]);
    match disks.timeout(LIMIT).run().await {
        Err(CmdError::Exit { code: Some(WENT_WELL), .. }) => Ok(()),
        Err(CmdError::Exit { code: Some(DISK_FAILED), .. }) => {
            Err("a guest booted, and could not write and read back a sector of its disk".to_owned())
        }
        Err(CmdError::Exit { code: Some(137), .. } | CmdError::Timeout { .. }) => {
            Err(format!("a guest did not boot within {GUEST_LIMIT_S} s"))
        }
        Ok(_) => Err("a guest ended without a word".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A comma in a path is written twice in QEMU's options.
fn escaped(path: &str) -> String {
    path.replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe;

    #[tokio::test]
    async fn a_guest_boots_and_its_disk_holds_what_it_wrote_in_each_format() {
        let emulator = probe::emulator("x86_64");
        if !emulator.exists() {
            return eprintln!("skipped: QEMU is not installed");
        }
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path().join("with,comma"));
        paths.ensure_dirs().unwrap();
        let storages = Storages::new(&paths, "berth", &[]);
        for format in ["qcow2", "raw"] {
            let own = (&paths, &storages);
            writes_and_reads(own, &emulator, Accelerator::Qemu, format, None).await.unwrap();
            super::super::sweep(&paths, &storages).await;
        }
        assert_eq!(std::fs::read_dir(paths.volumes_dir()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_disk_that_does_not_keep_what_is_written_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path());
        paths.ensure_dirs().unwrap();
        // A program that says what a guest says to whom all went well, and has written nothing.
        let liar = dir.path().join("liar");
        std::fs::write(&liar, "#!/bin/sh\nexit 85\n").unwrap();
        std::fs::set_permissions(&liar, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let storages = Storages::new(&paths, "berth", &[]);
        let own = (&paths, &storages);
        let why = writes_and_reads(own, &liar, Accelerator::Qemu, "raw", None).await.unwrap_err();
        assert!(why.contains("does not hold what it wrote"), "{why}");
        let why = writes_and_reads(own, Path::new("/bin/true"), Accelerator::Qemu, "raw", None).await.unwrap_err();
        assert_eq!(why, "a guest ended without a word");
    }
}
