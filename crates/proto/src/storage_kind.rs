//! Kinds of storage that disks are kept on, and the codes by which the Global API asks for them: the one place that
//! has either.
//!
//! | code | kind | what is there |
//! | --- | --- | --- |
//! | 0 | any | where a profile asks: the node's own folder first, then what has the most room |
//! | 1 | `directory` | files in a folder; the node's own folder is one, and comes first |
//! | 2 | `ceph-rbd` | images of a pool of a Ceph cluster |
//! | 3 | `mountpoint` | files on a file system that must be mounted |
//! | 4 | `lvm-thin` | thin volumes of a pool of LVM's |
//! | 5 | `zfs` | volumes below a data set |
//! | 6 | `nfs` | files on a mount of NFS |
//!
//! The published description has 0 and 1 for local storage and 2 for Ceph; the others are Berth's.

use std::{fmt, str::FromStr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StorageKind {
    Directory,
    CephRbd,
    Mountpoint,
    LvmThin,
    Zfs,
    Nfs,
}

const LOCATION_LIMIT_BYTES: usize = 200;

/// A profile that every kind serves.
pub const ANY_STORAGE: i32 = 0;

impl StorageKind {
    pub const ALL: [StorageKind; 6] = [
        StorageKind::Directory,
        StorageKind::CephRbd,
        StorageKind::Mountpoint,
        StorageKind::LvmThin,
        StorageKind::Zfs,
        StorageKind::Nfs,
    ];

    /// As specifications, configurations, the database and the API write it.
    pub fn name(self) -> &'static str {
        match self {
            StorageKind::Directory => "directory",
            StorageKind::CephRbd => "ceph-rbd",
            StorageKind::Mountpoint => "mountpoint",
            StorageKind::LvmThin => "lvm-thin",
            StorageKind::Zfs => "zfs",
            StorageKind::Nfs => "nfs",
        }
    }

    /// The Global API's `storageType`, which `storageProfile` asks for.
    pub fn code(self) -> i32 {
        match self {
            StorageKind::Directory => 1,
            StorageKind::CephRbd => 2,
            StorageKind::Mountpoint => 3,
            StorageKind::LvmThin => 4,
            StorageKind::Zfs => 5,
            StorageKind::Nfs => 6,
        }
    }

    pub fn of_code(code: i32) -> Option<StorageKind> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Disks are files in a folder, of any format; otherwise they are devices, and raw.
    pub fn keeps_files(self) -> bool {
        matches!(self, StorageKind::Directory | StorageKind::Mountpoint | StorageKind::Nfs)
    }

    /// Whether the text can be a location of this kind. Programs of the host get it as an argument.
    pub fn accepts(self, location: &str) -> bool {
        let name = |text: &str, also: &str| {
            let inner = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
            text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.chars().all(inner)
        };
        if location.len() > LOCATION_LIMIT_BYTES {
            return false;
        }
        match self {
            StorageKind::Directory | StorageKind::Mountpoint | StorageKind::Nfs => {
                let parts = location.strip_prefix('/').map(|rest| rest.split('/').collect::<Vec<_>>());
                let plain = |part: &&str| !part.is_empty() && !part.chars().all(|c| c == '.');
                let printable = !location.chars().any(|c| c.is_control() || c == ',');
                printable && parts.is_some_and(|parts| parts.iter().all(plain))
            }
            StorageKind::LvmThin => {
                location.split_once('/').is_some_and(|(group, pool)| name(group, "+_.-") && name(pool, "+_.-"))
            }
            StorageKind::Zfs => location.split('/').all(|part| name(part, "_.:-")),
            StorageKind::CephRbd => name(location, "_.-"),
        }
    }

    /// What a location looks like, for people.
    pub fn form(self) -> &'static str {
        match self {
            StorageKind::Directory => "the path of a folder",
            StorageKind::Mountpoint | StorageKind::Nfs => "the path where it is mounted",
            StorageKind::LvmThin => "a volume group and its thin pool, as in vg0/thin",
            StorageKind::Zfs => "a data set, as in tank/disks",
            StorageKind::CephRbd => "the name of a pool",
        }
    }

    /// Whether a disk that asks for this profile may be here.
    pub fn serves(self, profile: i32) -> bool {
        profile == ANY_STORAGE || profile == self.code()
    }
}

impl fmt::Display for StorageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is no kind of storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKind;

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = StorageKind::ALL.map(StorageKind::name).join(", ");
        write!(f, "a kind of storage is one of {names}")
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for StorageKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back_to_their_kind() {
        for kind in StorageKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(StorageKind::of_code(kind.code()), Some(kind));
            assert!(kind.serves(ANY_STORAGE) && kind.serves(kind.code()) && !kind.serves(kind.code() + 1));
        }
        for (kind, good, bad) in [
            (
                StorageKind::Mountpoint,
                "/mnt/ssd 1",
                ["mnt", "/", "/mnt/../etc", "/mnt//x", "/mnt/", "/a\nb", "/a,b", ""],
            ),
            (StorageKind::LvmThin, "vg0/thin.pool", ["vg0", "-n/x", "vg/x/y", "vg /x", "a/-f", "/x", "x/", ""]),
            (StorageKind::Zfs, "tank/vm/disks", ["-r", "tank/", "/tank", "tank@x", "tank//x", "tank/-o", "", " "]),
            (StorageKind::CephRbd, "rbd-ssd", ["rbd/x", "--id", "a b", "", "a@b", "a:b", "a\0", "ä"]),
        ] {
            assert!(kind.accepts(good), "{good}");
            bad.into_iter().for_each(|bad| assert!(!kind.accepts(bad), "{bad}"));
        }
        assert!(!StorageKind::Nfs.accepts(&format!("/{}", "x".repeat(200))));
        assert_eq!((StorageKind::of_code(0), "Directory".parse::<StorageKind>()), (None, Err(UnknownKind)));
    }
}
