//! Where the agent keeps its files, so that no path is put together anywhere else.
//!
//! ```text
//! <data_dir>/                 0711: QEMU's users may pass, not list
//!   ledger/                   0700: what this node was told
//!   images/<algo>-<hex>.qcow2 templates, immutable
//!   isos/sha256-<hex>.iso     discs for guests' drives, immutable
//!   volumes/<uuid>.<format>   disks, each owned by its guest's user
//!   seeds/<server>.iso        cloud-init
//!   nvram/<server>.fd         UEFI variables
//!   run/<server>/             0700, owned by the guest's user: sockets
//!   dhcp/<bridge>.conf        of the DHCP server of a bridge
//!   logs/<server>.serial.log  what guests write to their serial port
//! ```

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// The agent's folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    data_dir: PathBuf,
}

impl Paths {
    pub fn new(data_dir: impl Into<PathBuf>) -> Paths {
        Paths { data_dir: data_dir.into() }
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub fn ledger_dir(&self) -> PathBuf {
        self.data_dir.join("ledger")
    }

    pub fn images_dir(&self) -> PathBuf {
        self.data_dir.join("images")
    }

    pub fn isos_dir(&self) -> PathBuf {
        self.data_dir.join("isos")
    }

    /// Where an ISO image is written while its digest is not known.
    pub fn iso_fetch(&self, fetch_id: &str) -> PathBuf {
        self.isos_dir().join(format!("fetch-{}.iso", plain(fetch_id)))
    }

    pub fn volumes_dir(&self) -> PathBuf {
        self.data_dir.join("volumes")
    }

    /// The disk of this UUID; `format` is "qcow2" or "raw".
    pub fn volume(&self, volume_uuid: &str, format: &str) -> PathBuf {
        volume_in(&self.volumes_dir(), volume_uuid, format)
    }

    pub fn seed(&self, server_uuid: &str) -> PathBuf {
        self.data_dir.join("seeds").join(format!("{}.iso", plain(server_uuid)))
    }

    pub fn nvram(&self, server_uuid: &str) -> PathBuf {
        self.data_dir.join("nvram").join(format!("{}.fd", plain(server_uuid)))
    }

    /// The folder of a guest's sockets. UNIX sockets take paths of at most 107 bytes.
    pub fn run_dir(&self, server_uuid: &str) -> PathBuf {
        self.data_dir.join("run").join(plain(server_uuid))
    }

    pub fn vnc_socket(&self, server_uuid: &str) -> PathBuf {
        self.run_dir(server_uuid).join("vnc.sock")
    }

    pub fn serial_socket(&self, server_uuid: &str) -> PathBuf {
        self.run_dir(server_uuid).join("serial.sock")
    }

    pub fn serial_log(&self, server_uuid: &str) -> PathBuf {
        self.data_dir.join("logs").join(format!("{}.serial.log", plain(server_uuid)))
    }

    /// The log and its older pieces: virtlogd keeps three (`max_backups`).
    pub fn serial_logs(&self, server_uuid: &str) -> [PathBuf; 4] {
        let log = self.serial_log(server_uuid);
        let older = |n: u32| PathBuf::from(format!("{}.{n}", log.display()));
        [older(0), older(1), older(2), log]
    }

    /// Makes the folders that are missing and sets who may enter them.
    pub fn ensure_dirs(&self) -> io::Result<()> {
        let passable = 0o711;
        ensure_dir(&self.data_dir, passable)?;
        for name in ["images", "isos", "volumes", "seeds", "nvram", "run", "logs"] {
            ensure_dir(&self.data_dir.join(name), passable)?;
        }
        ensure_dir(&self.ledger_dir(), 0o700)
    }

    /// Makes the folder of a guest's sockets, where only the guest's QEMU (and root) can enter.
    pub fn ensure_run_dir(&self, server_uuid: &str, uid: u32) -> io::Result<PathBuf> {
        let dir = self.run_dir(server_uuid);
        ensure_dir(&dir, 0o700)?;
        chown(&dir, Some(uid), Some(uid))?;
        Ok(dir)
    }
}

/// The disk of this UUID in a folder of disks.
pub fn volume_in(dir: &Path, volume_uuid: &str, format: &str) -> PathBuf {
    dir.join(format!("{}.{}", plain(volume_uuid), plain(format)))
}

/// Identifiers come from the control server, and a node trusts it only so far: what is not a letter, a digit, `-` or
/// `_` becomes `_`, so that no identifier leaves its folder.
pub(crate) fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}

fn ensure_dir(dir: &Path, mode: u32) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(dir)?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t04_no_identifier_leads_out_of_its_folder() {
        let paths = Paths::new("/d");
        assert_eq!(paths.volume("../../etc/passwd", "raw"), Path::new("/d/volumes/______etc_passwd.raw"));
        assert_eq!(paths.seed("a/b\0c"), Path::new("/d/seeds/a_b_c.iso"));
        assert_eq!(paths.vnc_socket("x"), Path::new("/d/run/x/vnc.sock"));
    }

    #[test]
    fn folders_are_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path().join("agent"));
        for _ in 0..2 {
            paths.ensure_dirs().unwrap();
            assert_eq!(paths.ledger_dir().metadata().unwrap().permissions().mode() & 0o777, 0o700);
            assert_eq!(paths.volumes_dir().metadata().unwrap().permissions().mode() & 0o777, 0o711);
        }
    }
}
