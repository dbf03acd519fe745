//! Emulated TPMs: a swtpm beside the guest's QEMU, which libvirt starts, and the guest's way to it.
//!
//! libvirt keeps the sockets of all of them in one folder. At each start of a guest with a TPM it gives the folder to its
//! one QEMU user and closes it to everybody else, and the socket to the guest's own user, who then can't get there. So
//! each of those users gets an entry in the folder's access control list (acl(5)), which lets it pass through and no
//! more: it sees no names there, and the sockets are their owners' alone. libvirt's change of owner and mode leaves such
//! entries as they are. The folder is gone after a reboot, so this belongs to each start of a guest.
//!
//! The list's form is that of the kernel's `posix_acl_xattr.h`: a version of four bytes, then entries of a tag (2), a
//! permission (2) and an id (4), all little-endian, in the order of their tags.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, XattrFlags, flock, getxattr, getxattr_query, setxattr};
use rustix::io::Errno;
use uuid::Uuid;

use crate::paths::plain;

const PROGRAMS: [&str; 2] = ["/usr/bin/swtpm", "/usr/bin/swtpm_setup"];
/// libvirt's folders of its sockets, of what TPMs keep and of their logs.
const SOCKETS: &str = "/run/libvirt/qemu/swtpm";
const STATES: &str = "/var/lib/libvirt/swtpm";
const LOGS: &str = "/var/log/swtpm/libvirt/qemu";
/// As libvirt makes the folder of sockets. Its group is swtpm's, which makes them.
const SOCKETS_MODE: u32 = 0o770;

const ACL: &str = "system.posix_acl_access";
const VERSION: [u8; 4] = 2_u32.to_le_bytes();
const ENTRY_BYTES: usize = 8;
const NO_ID: u32 = u32::MAX;
const OWNER: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP: u16 = 0x04;
/// What users and groups that are named, and the group, have at most.
const MASK: u16 = 0x10;
const OTHERS: u16 = 0x20;
const PASS: u16 = 0o1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    tag: u16,
    id: u32,
    may: u16,
}

/// Whether guests of this host can have a TPM: the programs are there, and the folder of sockets can have a list.
pub fn is_available() -> bool {
    PROGRAMS.iter().all(|program| Path::new(program).is_file()) && keeps_lists(Path::new(SOCKETS))
}

/// Asked of the nearest folder above where there is none yet.
fn keeps_lists(dir: &Path) -> bool {
    let asked = dir.ancestors().find(|dir| dir.is_dir());
    asked.is_some_and(|dir| matches!(getxattr_query(dir, ACL), Ok(_) | Err(Errno::NODATA)))
}

/// Lets the guest's user through to its TPM. Before each start of a guest that has one.
pub fn let_in(uid: u32) -> io::Result<()> {
    let dir = Path::new(SOCKETS);
    let made = make(dir).and_then(|()| change(dir, |entries| with(entries, uid)));
    made.map_err(|error| io::Error::new(error.kind(), format!("{SOCKETS}, the way to the guest's TPM: {error}")))
}

/// Takes away what a removed guest's TPM leaves: what it kept, which libvirt forgets where the guest had lost its TPM by
/// then, its log and its way in. Nothing of it there is no error.
pub fn remove(server_uuid: &str, domain: &str, uid: Option<u32>) -> io::Result<()> {
    // Nothing but a UUID has a folder of its own there.
    if let Ok(uuid) = Uuid::try_parse(server_uuid) {
        there(std::fs::remove_dir_all(state_dir(uuid)))?;
    }
    there(std::fs::remove_file(log(domain)))?;
    match uid {
        Some(uid) if keeps_lists(Path::new(SOCKETS)) => {
            there(change(Path::new(SOCKETS), |entries| without(entries, uid)))
        }
        _ => Ok(()),
    }
}

fn state_dir(server_uuid: Uuid) -> PathBuf {
    Path::new(STATES).join(server_uuid.to_string())
}

fn log(domain: &str) -> PathBuf {
    Path::new(LOGS).join(format!("{}-swtpm.log", plain(domain)))
}

/// libvirt takes over what it finds, and sets its owner and mode.
fn make(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().create(dir) {
        Ok(()) => std::fs::set_permissions(dir, Permissions::from_mode(SOCKETS_MODE)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Under a lock, for guests start side by side. A list that is right is left alone.
fn change(dir: &Path, change: impl Fn(&mut Vec<Entry>)) -> io::Result<()> {
    let folder = File::open(dir)?;
    flock(&folder, FlockOperation::LockExclusive)?;
    let found = read(dir)?;
    let mut entries = found.clone();
    change(&mut entries);
    if entries != found {
        setxattr(dir, ACL, &encoded(&entries), XattrFlags::empty())?;
    }
    Ok(())
}

/// A folder without a list has the one that its mode says.
fn read(dir: &Path) -> io::Result<Vec<Entry>> {
    let length = match getxattr_query(dir, ACL) {
        Err(Errno::NODATA) => return Ok(of_mode(dir.metadata()?.mode())),
        length => length?,
    };
    let mut bytes = vec![0_u8; length];
    let length = getxattr(dir, ACL, &mut bytes)?;
    decoded(&bytes[..length])
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its access control list is unknown"))
}

fn of_mode(mode: u32) -> Vec<Entry> {
    let may = |shift: u32| u16::try_from((mode >> shift) & 0o7).unwrap_or(0);
    [(OWNER, may(6)), (GROUP, may(3)), (OTHERS, may(0))].map(|(tag, may)| Entry { tag, id: NO_ID, may }).to_vec()
}

fn with(entries: &mut Vec<Entry>, uid: u32) {
    without(entries, uid);
    entries.push(Entry { tag: USER, id: uid, may: PASS });
    if !entries.iter().any(|entry| entry.tag == MASK) {
        let group = entries.iter().find(|entry| entry.tag == GROUP).map_or(0, |entry| entry.may);
        entries.push(Entry { tag: MASK, id: NO_ID, may: group });
    }
    for mask in entries.iter_mut().filter(|entry| entry.tag == MASK) {
        mask.may |= PASS;
    }
    entries.sort_unstable();
}

fn without(entries: &mut Vec<Entry>, uid: u32) {
    entries.retain(|entry| (entry.tag, entry.id) != (USER, uid));
}

fn decoded(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (entries, rest) = bytes.strip_prefix(&VERSION)?.as_chunks::<ENTRY_BYTES>();
    let entry = |&[t0, t1, p0, p1, i0, i1, i2, i3]: &[u8; ENTRY_BYTES]| Entry {
        tag: u16::from_le_bytes([t0, t1]),
        id: u32::from_le_bytes([i0, i1, i2, i3]),
        may: u16::from_le_bytes([p0, p1]),
    };
    rest.is_empty().then(|| entries.iter().map(entry).collect())
}

fn encoded(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = VERSION.to_vec();
    for Entry { tag, id, may } in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(may.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn there(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(tag: u16, id: u32, may: u16) -> Entry {
        Entry { tag, id, may }
    }

    #[test]
    fn t16_a_user_may_pass_and_no_more_and_others_keep_what_they_have() {
        let mut entries = of_mode(0o40_770);
        for uid in [2_000_777, 2_000_005, 2_000_777] {
            with(&mut entries, uid);
        }
        let expected = [
            entry(OWNER, NO_ID, 0o7),
            entry(USER, 2_000_005, PASS),
            entry(USER, 2_000_777, PASS),
            entry(GROUP, NO_ID, 0o7),
            entry(MASK, NO_ID, 0o7),
            entry(OTHERS, NO_ID, 0),
        ];
        assert_eq!(entries, expected);
        without(&mut entries, 2_000_005);
        without(&mut entries, 2_000_006);
        assert_eq!(entries.len(), expected.len() - 1);
        assert!(!entries.iter().any(|entry| entry.id == 2_000_005));

        // A closed group is not opened by the mask.
        let mut entries = of_mode(0o700);
        with(&mut entries, 7);
        assert!(
            entries.contains(&entry(GROUP, NO_ID, 0)) && entries.contains(&entry(MASK, NO_ID, PASS)),
            "{entries:?}"
        );
    }

    #[test]
    fn lists_are_read_as_they_are_written_and_others_are_refused() {
        let mut entries = of_mode(0o770);
        with(&mut entries, 2_000_998);
        let bytes = encoded(&entries);
        // As the kernel tells what `setfacl -m u:2000998:x` makes of such a folder.
        let told = "0200000001000700ffffffff0200010066881e0004000700ffffffff10000700ffffffff20000000ffffffff";
        assert_eq!(hex::encode(&bytes), told);
        assert_eq!(decoded(&bytes), Some(entries));
        for broken in [&bytes[..3], &bytes[..bytes.len() - 1], &b"\x01\0\0\0"[..]] {
            assert_eq!(decoded(broken), None);
        }
    }

    /// Where the file system of temporary folders keeps no lists there is nothing to see, and no TPM either.
    #[test]
    fn the_kernel_takes_the_list_and_a_change_of_mode_leaves_it() {
        let dir = tempfile::tempdir().unwrap();
        let sockets = dir.path().join("swtpm");
        if !keeps_lists(&sockets) {
            return eprintln!("skipped: {} keeps no access control lists", dir.path().display());
        }
        for _ in 0..2 {
            make(&sockets).unwrap();
            change(&sockets, |entries| with(entries, 2_000_777)).unwrap();
        }
        // What libvirt does at the start of a guest.
        std::fs::set_permissions(&sockets, Permissions::from_mode(SOCKETS_MODE)).unwrap();
        let entries = read(&sockets).unwrap();
        assert!(entries.contains(&entry(USER, 2_000_777, PASS)), "{entries:?}");
        assert!(
            entries.contains(&entry(MASK, NO_ID, 0o7)) && entries.contains(&entry(OTHERS, NO_ID, 0)),
            "{entries:?}"
        );
        change(&sockets, |entries| without(entries, 2_000_777)).unwrap();
        assert!(!read(&sockets).unwrap().iter().any(|entry| entry.tag == USER));
    }

    #[test]
    fn what_tpms_leave_is_named_within_libvirts_folders() {
        let kept = state_dir(Uuid::from_u128(0xabc));
        assert_eq!(kept, Path::new("/var/lib/libvirt/swtpm/00000000-0000-0000-0000-000000000abc"));
        assert_eq!(log("px-0d5f"), Path::new("/var/log/swtpm/libvirt/qemu/px-0d5f-swtpm.log"));
        assert_eq!(log("../../px"), Path::new("/var/log/swtpm/libvirt/qemu/______px-swtpm.log"));
        assert!(there(change(Path::new("/nonexistent"), |entries| without(entries, 1))).is_ok());
    }
}
