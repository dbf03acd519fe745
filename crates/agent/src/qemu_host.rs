//! What a host must grant to guests that run as users of their own: a way into libvirt's folder, and `/dev/kvm`.
//!
//! - Debian's packages let only libvirt's one QEMU user into `/var/lib/libvirt/qemu`; libvirt keeps a folder for each
//!   guest in there, owned by the guest's user. Users get the right to pass through, not to list.
//! - QEMU opens `/dev/kvm` by itself and has no other groups than the one in its label, so that has to be the
//!   device's.
//! - Without udev the device is root's alone. Then libvirt also takes its knowledge of QEMU for outdated at each call
//!   ("KVM was enabled when probing, but it is not available now") and finds it out anew, many seconds each time.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::host::Accelerator;

const KVM_DEVICE: &str = "/dev/kvm";
/// The folders on the way to what libvirt keeps for a guest.
const ON_THE_WAY: [&str; 3] =
    ["/var/lib/libvirt/qemu", "/var/lib/libvirt/qemu/channel", "/var/lib/libvirt/qemu/channel/target"];
/// As Debian's rules for udev say.
const KVM_GROUP: &str = "kvm";
const KVM_MODE: u32 = 0o660;

/// Puts right what keeps guests of their own users from starting. What is right is left alone, what is not there is
/// no error. Package upgrades may set the folder's mode back, so this belongs to each start of the agent.
pub fn ensure_host_lets_guests_run() -> io::Result<()> {
    for dir in ON_THE_WAY {
        ensure_passable(Path::new(dir))?;
    }
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    match group_id(&groups, KVM_GROUP) {
        Some(gid) => ensure_kvm_group(Path::new(KVM_DEVICE), gid),
        None => Ok(()),
    }
}

/// The group that a guest's QEMU needs in its label, none where its own will do.
pub fn qemu_gid(accelerator: Accelerator) -> Option<u32> {
    match accelerator {
        Accelerator::Qemu => None,
        Accelerator::Kvm => device_gid(Path::new(KVM_DEVICE)),
    }
}

fn ensure_passable(dir: &Path) -> io::Result<()> {
    let Some(found) = there(dir)? else { return Ok(()) };
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o001 == 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode | 0o001))?;
    }
    Ok(())
}

/// Only where nobody has decided anything about the device yet.
fn ensure_kvm_group(device: &Path, gid: u32) -> io::Result<()> {
    let Some(found) = there(device)? else { return Ok(()) };
    if found.permissions().mode() & 0o077 == 0 {
        chown(device, None, Some(gid))?;
        std::fs::set_permissions(device, std::fs::Permissions::from_mode(KVM_MODE))?;
    }
    Ok(())
}

fn device_gid(device: &Path) -> Option<u32> {
    let found = std::fs::metadata(device).ok()?;
    let (everybody, its_group) = (found.mode() & 0o006 == 0o006, found.mode() & 0o060 == 0o060);
    // Root's group is never given to a guest.
    (!everybody && its_group && found.gid() != 0).then_some(found.gid())
}

fn there(path: &Path) -> io::Result<Option<std::fs::Metadata>> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `name:x:gid:members` lines.
fn group_id(groups: &str, name: &str) -> Option<u32> {
    let mut fields = groups.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
    fields.nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_may_pass_but_not_list() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o750)).unwrap();
        for _ in 0..2 {
            ensure_passable(dir.path()).unwrap();
            assert_eq!(dir.path().metadata().unwrap().mode() & 0o777, 0o751);
        }
        ensure_passable(Path::new("/nonexistent")).unwrap();
    }

    #[test]
    fn t16_a_device_that_is_roots_alone_goes_to_its_group_and_guests_never_get_roots() {
        let dir = tempfile::tempdir().unwrap();
        let (device, me) = (dir.path().join("kvm"), rustix::process::getgid().as_raw());
        std::fs::write(&device, "").unwrap();
        std::fs::set_permissions(&device, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(device_gid(&device), None);
        ensure_kvm_group(&device, me).unwrap();
        assert_eq!(device.metadata().unwrap().mode() & 0o777, 0o660);
        assert_eq!(device_gid(&device), (me != 0).then_some(me));
        std::fs::set_permissions(&device, std::fs::Permissions::from_mode(0o666)).unwrap();
        ensure_kvm_group(&device, me + 1).unwrap();
        assert_eq!((device.metadata().unwrap().gid(), device_gid(&device)), (me, None));
    }

    #[test]
    fn the_number_of_a_group_is_found() {
        assert_eq!(group_id("root:x:0:\nkvm:x:107:a,b\n", "kvm"), Some(107));
        assert_eq!(group_id("kvmx:x:1:\n", "kvm"), None);
    }
}
