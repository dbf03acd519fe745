//! Finds out what a host has, above all whether KVM really works.
//!
//! A machine can have `/dev/kvm`, libvirt can report it, and yet no guest gets anywhere with it (nested
//! virtualisation that is switched off half-way, for one). So a machine is really booted: QEMU gets a boot sector
//! of a few bytes that writes to QEMU's exit port, and its exit code says that the processor ran it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use berth_proto::StorageRoot;
use serde::{Deserialize, Serialize};

use crate::cmd::{Cmd, CmdError};
use crate::host::{Accelerator, Ovmf};

/// A boot sector takes a fraction of a second with KVM.
const BOOT_TIMEOUT: Duration = Duration::from_secs(5);
/// More than any name of the tz database has.
const TIMEZONE_CHARS: usize = 64;
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// `mov al, 0x2a; out 0xf4, al; hlt; jmp` and the signature. Its exit code is not one that QEMU gives by itself.
const BOOT_SECTOR_CODE: [u8; 7] = [0xb0, 0x2a, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd];
/// QEMU's isa-debug-exit ends with twice the written value and one.
const BOOT_SECTOR_EXIT_CODE: i32 = 0x2a * 2 + 1;

/// Which accelerator works here, and how that was found, as a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceleratorFact {
    pub accelerator: Accelerator,
    pub detail: String,
}

/// Tries KVM with a real boot. Takes up to 5 s: remember the result.
pub async fn probe_accelerator(emulator: &Path, scratch_dir: &Path) -> AcceleratorFact {
    let emulation = |detail: String| AcceleratorFact { accelerator: Accelerator::Qemu, detail };
    if !Path::new("/dev/kvm").exists() {
        return emulation("this machine has no /dev/kvm, so guests are emulated".into());
    }
    match boots(emulator, "kvm", scratch_dir).await {
        Ok(true) => AcceleratorFact { accelerator: Accelerator::Kvm, detail: "a guest booted with KVM".into() },
        Ok(false) => emulation(format!(
            "/dev/kvm is there, but a guest did not boot with it within {} s, so guests are emulated",
            BOOT_TIMEOUT.as_secs()
        )),
        Err(why) => emulation(format!("KVM could not be tried, so guests are emulated: {why}")),
    }
}

/// Whether a guest runs with this accelerator. The error says why it could not even be tried.
async fn boots(emulator: &Path, accelerator: &str, scratch_dir: &Path) -> Result<bool, String> {
    let mut sector = [0; 512];
    sector[..BOOT_SECTOR_CODE.len()].copy_from_slice(&BOOT_SECTOR_CODE);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let file = scratch_dir.join(format!("probe-{}.img", std::process::id()));
    std::fs::write(&file, sector).map_err(|error| format!("{}: {error}", file.display()))?;
    let outcome = Cmd::new(emulator)
        .args([
            "-accel",
            accelerator,
            "-machine",
            "pc",
            "-m",
            "16",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
        ])
        // Guests get the host's processor; there are machines whose KVM runs a plain one and dies with this.
        .args(if accelerator == "kvm" { ["-cpu", "host"] } else { ["-cpu", "qemu64"] })
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-no-reboot", "-boot", "c"])
        .arg("-drive")
        .arg(format!("if=ide,format=raw,readonly=off,file={}", file.display()))
        .timeout(BOOT_TIMEOUT)
        .run()
        .await;
    // A file in a folder for scratch files; that it stays is no reason to know less about the accelerator.
    let _ = std::fs::remove_file(&file);
    match outcome {
        Err(CmdError::Exit { code: Some(BOOT_SECTOR_EXIT_CODE), .. }) => Ok(true),
        Ok(_) | Err(CmdError::Timeout { .. }) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// The facts of a machine that do not change while the agent runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineFacts {
    pub hostname: String,
    /// As `uname -m`.
    pub arch: String,
    pub kernel_version: String,
    pub cpu_cores: u32,
    pub cpu_model: String,
    pub memory_mib: u64,
    /// "7.2.22"; empty where QEMU is not installed.
    pub qemu_version: String,
    /// IANA name, empty where it can't be told.
    pub timezone: String,
}

/// Looks the facts up. What can't be read is empty or 0: the node says what it knows.
pub async fn machine_facts(emulator: &Path) -> MachineFacts {
    let uname = rustix::system::uname();
    let text = |name: &std::ffi::CStr| name.to_string_lossy().into_owned();
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    MachineFacts {
        hostname: text(uname.nodename()),
        arch: text(uname.machine()),
        kernel_version: text(uname.release()),
        cpu_cores: std::thread::available_parallelism().map_or(0, |cores| u32::try_from(cores.get()).unwrap_or(0)),
        cpu_model: field(&cpuinfo, "model name").unwrap_or_default(),
        memory_mib: field(&meminfo, "MemTotal").and_then(|total| kib(&total)).unwrap_or(0) >> 10,
        qemu_version: qemu_version(emulator).await.unwrap_or_default(),
        timezone: timezone(Path::new("/etc")).unwrap_or_default(),
    }
}

/// localtime(5): a link into the tz database. Older Debians copy the file and write the name beside it.
fn timezone(etc: &Path) -> Option<String> {
    let linked = std::fs::read_link(etc.join("localtime")).ok();
    let linked = linked.as_deref().and_then(Path::to_str).and_then(|path| path.split_once("zoneinfo/"));
    let name = match linked {
        Some((_, name)) => name.to_owned(),
        None => std::fs::read_to_string(etc.join("timezone")).ok()?.trim().to_owned(),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    (!name.is_empty() && name.len() <= TIMEZONE_CHARS && name.chars().all(is_name)).then_some(name)
}

/// `name : value`, the first of them.
fn field(text: &str, name: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned()).next()
}

fn kib(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse().ok()
}

/// "QEMU emulator version 7.2.22 (Debian …)".
async fn qemu_version(emulator: &Path) -> Option<String> {
    let output = Cmd::new(emulator).arg("--version").timeout(VERSION_TIMEOUT).run().await.ok()?.text();
    let (_, version) = output.lines().next()?.split_once(" version ")?;
    version.split_whitespace().next().map(String::from)
}

/// QEMU's program for this machine's architecture, where Debian puts it.
pub fn emulator(arch: &str) -> PathBuf {
    PathBuf::from(format!("/usr/bin/qemu-system-{arch}"))
}

/// The UEFI firmware of Debian's package `ovmf`: the newer 4 MiB build where there is one.
pub fn ovmf() -> Option<Ovmf> {
    let pairs = [("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"), ("OVMF_CODE.fd", "OVMF_VARS.fd")];
    let dir = Path::new("/usr/share/OVMF");
    pairs
        .map(|(code, vars)| Ovmf { code: dir.join(code), vars: dir.join(vars) })
        .into_iter()
        .find(|ovmf| ovmf.code.is_file() && ovmf.vars.is_file())
}

/// Size and free room of the file system under a folder; what is free for root.
pub fn storage_root(path: &Path, is_default: bool) -> std::io::Result<StorageRoot> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(StorageRoot {
        path: path.display().to_string(),
        total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        is_default,
        ..StorageRoot::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_zone_is_what_the_link_or_the_file_names() {
        let etc = tempfile::tempdir().unwrap();
        assert_eq!(timezone(etc.path()), None);
        std::fs::write(etc.path().join("timezone"), "Europe/Prague\n").unwrap();
        assert_eq!(timezone(etc.path()).as_deref(), Some("Europe/Prague"));
        std::os::unix::fs::symlink("../usr/share/zoneinfo/America/New_York", etc.path().join("localtime")).unwrap();
        assert_eq!(timezone(etc.path()).as_deref(), Some("America/New_York"));
        std::fs::remove_file(etc.path().join("localtime")).unwrap();
        std::fs::write(etc.path().join("timezone"), "no zone at all").unwrap();
        assert_eq!(timezone(etc.path()), None);
    }

    #[tokio::test]
    async fn a_machine_that_can_boot_is_seen_to_boot_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let emulator = emulator("x86_64");
        if !emulator.exists() {
            return eprintln!("skipped: QEMU is not installed");
        }
        assert_eq!(boots(&emulator, "tcg", dir.path()).await, Ok(true));
        assert!(boots(&emulator, "no-such-accelerator", dir.path()).await.is_err());
        assert!(boots(Path::new("/nonexistent/qemu"), "tcg", dir.path()).await.unwrap_err().contains("not installed"));
        // A program that never gets to the exit port, as a guest that hangs.
        assert_eq!(boots(Path::new("/bin/true"), "tcg", dir.path()).await, Ok(false));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn the_accelerator_is_found_in_bounded_time_and_explained() {
        let dir = tempfile::tempdir().unwrap();
        let started = std::time::Instant::now();
        let fact = probe_accelerator(&emulator("x86_64"), dir.path()).await;
        assert!(started.elapsed() < BOOT_TIMEOUT * 2);
        assert!(fact.detail.contains("KVM") || fact.detail.contains("kvm"), "{}", fact.detail);
    }

    #[tokio::test]
    async fn facts_of_this_machine_are_found() {
        let facts = machine_facts(&emulator("x86_64")).await;
        assert!(facts.cpu_cores > 0 && facts.memory_mib > 0 && !facts.kernel_version.is_empty(), "{facts:?}");
        let root = storage_root(Path::new("/"), true).unwrap();
        assert!(root.total_bytes >= root.free_bytes && root.free_bytes > 0);
    }
}
