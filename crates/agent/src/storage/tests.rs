use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::*;
use crate::cmd::Cmd;

const UUID: &str = "11111111-2222-4333-8444-555555555555";
const OWNER: u32 = 65_534;

fn listed(kind: &str, location: &str) -> StorageConfig {
    let keeps_files = kind.parse::<StorageKind>().unwrap().keeps_files();
    let given = Some(location.to_owned());
    let (path, pool) = if keeps_files { (given, None) } else { (None, given) };
    StorageConfig { kind: kind.to_owned(), path, pool, ..StorageConfig::default() }
}

fn disk(storage: Option<(&str, &str)>, format: &str, capacity_gib: u64) -> DiskSpec {
    DiskSpec {
        volume_uuid: UUID.into(),
        index: 1,
        capacity_gib,
        format: format.into(),
        storage: storage.map(|(kind, location)| StorageRef { kind: kind.into(), location: location.into() }),
        ..DiskSpec::default()
    }
}

fn record(kind: &str, location: &Path) -> VolumeRecord {
    let storage = Some(StorageRecord { kind: kind.into(), location: location.display().to_string() });
    VolumeRecord { volume_uuid: UUID.into(), format: "raw".into(), storage }
}

/// A node's folders, with room for mounts that go with them.
struct Host {
    paths: Paths,
    mounts: Vec<PathBuf>,
    dir: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let paths = Paths::new(dir.path().join("agent"));
        paths.ensure_dirs().unwrap();
        Self { paths, mounts: Vec::new(), dir }
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.dir.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn storages(&self, kind: &str, location: &Path) -> Storages {
        Storages::new(&self.paths, "berth", &[listed(kind, location.to_str().unwrap())])
    }

    /// A file system in memory; `false` where the test may not mount.
    async fn mount(&mut self, at: &Path, size_mib: u32) -> bool {
        let options = format!("size={size_mib}m,mode=755");
        let mounted = Cmd::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).run().await.is_ok();
        self.mounts.extend(mounted.then(|| at.to_owned()));
        if !mounted {
            eprintln!("skipped: no right to mount");
        }
        mounted
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        use std::os::unix::ffi::OsStrExt;
        for at in self.mounts.drain(..).rev() {
            let at = std::ffi::CString::new(at.as_os_str().as_bytes()).unwrap();
            // SAFETY: the path lives until the call is over.
            unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) };
        }
    }
}

async fn ensure(storages: &Storages, disk: &DiskSpec) -> Result<VolumeState, DiskError> {
    storages.ensure(disk, OWNER, None, Mode::Linked, |_| {}).await
}

#[tokio::test]
async fn a_disk_in_another_folder_is_made_grown_given_to_its_user_and_removed() {
    let host = Host::new();
    let folder = host.folder("ssd");
    let place = Some(("directory", folder.to_str().unwrap()));
    let storages = host.storages("directory", &folder);
    assert!(!storages.exists(&disk(place, "raw", 1)).await.unwrap());
    let made = ensure(&storages, &disk(place, "raw", 1)).await.unwrap();
    assert_eq!(made.path, folder.join("berth").join(format!("{UUID}.raw")));
    assert_eq!((made.capacity_bytes, made.path.metadata().unwrap().uid()), (1 << 30, OWNER));
    assert_eq!(folder.join("berth").metadata().unwrap().permissions().mode() & 0o777, 0o711);
    assert_eq!(ensure(&storages, &disk(place, "raw", 3)).await.unwrap().capacity_bytes, 3 << 30);
    assert!(storages.exists(&disk(place, "raw", 3)).await.unwrap());
    assert_eq!(std::fs::read_dir(host.paths.volumes_dir()).unwrap().count(), 0, "nothing in the agent's own folder");

    let known = record("directory", &folder);
    assert_eq!(storages.record_of(made.path.to_str().unwrap()), Some(known.clone()));
    assert_eq!(storages.source_of(&known).unwrap().key(), made.path);
    for _ in 0..2 {
        storages.remove(&known).await.unwrap();
    }
    assert!(!made.path.exists());
    storages.remove_dirs();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

/// What is written where nothing is mounted fills the disk of the node itself.
#[tokio::test]
async fn t27_a_mount_point_is_only_used_while_something_is_mounted_there() {
    let mut host = Host::new();
    let at = host.folder("mount point");
    let place = ("mountpoint", at.to_str().unwrap());
    let storages = host.storages("mountpoint", &at);
    let wanted = disk(Some(place), "qcow2", 1);
    let (_, _, point) = storages.listed().remove(0);
    let why = format!("nothing is mounted on {}", at.display());
    assert_eq!(ensure(&storages, &wanted).await.unwrap_err().to_string(), why);
    assert_eq!(storages.exists(&wanted).await.unwrap_err().to_string(), why);
    assert_eq!(storages.remove(&record("mountpoint", &at)).await.unwrap_err().to_string(), why);
    assert_eq!(room(&point).await, Err(why));
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0, "nothing was made below it");

    if !host.mount(&at, 64).await {
        return;
    }
    let found = room(&point).await.unwrap();
    assert_eq!((found.total_bytes, found.free_bytes), (64 << 20, 64 << 20));
    let made = ensure(&storages, &wanted).await.unwrap();
    assert_eq!(made.path.parent().unwrap(), at.join("berth"));
    assert!(room(&point).await.unwrap().free_bytes < 64 << 20);
    let told = told(&storages).await.remove(0);
    assert_eq!(told.device, None, "memory is no block device");
    let root = told.root;
    assert_eq!((root.kind.as_str(), root.path.as_str(), root.is_default), (place.0, place.1, false));
    assert_eq!((root.total_bytes, root.trouble.as_str()), (64 << 20, ""));

    Cmd::new("umount").arg(&at).run().await.unwrap();
    host.mounts.clear();
    assert!(ensure(&storages, &wanted).await.is_err(), "it is not made anew on the disk below");
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0);
}

#[tokio::test]
async fn a_full_storage_point_is_said_and_leaves_nothing_half() {
    let mut host = Host::new();
    let at = host.folder("small");
    if !host.mount(&at, 8).await {
        return;
    }
    let storages = host.storages("mountpoint", &at);
    let image = host.folder("images").join("noise");
    let noise: Vec<u8> = (0..8u32 << 20).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(&image, noise).unwrap();
    let image = ImageRef { path: image, format: "raw".into(), virtual_bytes: 32 << 20 };
    let wanted = disk(Some(("mountpoint", at.to_str().unwrap())), "qcow2", 1);
    let error = storages.ensure(&wanted, OWNER, Some(&image), Mode::Full, |_| {}).await.unwrap_err();
    assert!(matches!(error, DiskError::Full { .. }), "{error}");
    assert_eq!(std::fs::read_dir(at.join("berth")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_mounted_where_nfs_should_be_is_no_nfs() {
    let mut host = Host::new();
    let at = host.folder("nfs");
    if !host.mount(&at, 8).await {
        return;
    }
    let storages = host.storages("nfs", &at);
    let error = ensure(&storages, &disk(Some(("nfs", at.to_str().unwrap())), "raw", 1)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("what is mounted on {} is no NFS but tmpfs", at.display()));
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0);
}

/// The kernel's words are made up, since mounting NFS takes a server; the folder is a real one.
#[tokio::test]
async fn a_disk_on_nfs_is_made_grown_and_removed_only_while_that_is_mounted() {
    let host = Host::new();
    let (at, info) = (host.folder("nfs"), host.dir.path().join("mountinfo"));
    let mut storages = host.storages("nfs", &at);
    storages.mountinfo.clone_from(&info);
    let mounted = |kind: &str| {
        std::fs::write(&info, format!("39 38 0:9 / {} rw - {kind} filer:/disks rw\n", at.display())).unwrap()
    };
    let wanted = |capacity_gib| disk(Some(("nfs", at.to_str().unwrap())), "qcow2", capacity_gib);
    for kind in ["autofs", "fuse.nfs", "ext4"] {
        mounted(kind);
        let why = format!("what is mounted on {} is no NFS but {kind}", at.display());
        assert_eq!(ensure(&storages, &wanted(1)).await.unwrap_err().to_string(), why);
    }
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0);

    mounted("nfs4");
    let made = ensure(&storages, &wanted(1)).await.unwrap();
    assert_eq!(made.path, at.join("berth").join(format!("{UUID}.qcow2")));
    assert_eq!((made.capacity_bytes, made.path.metadata().unwrap().uid()), (1 << 30, OWNER));
    assert_eq!(ensure(&storages, &wanted(2)).await.unwrap().capacity_bytes, 2 << 30);
    let told = told(&storages).await.remove(0);
    assert_eq!((told.root.kind.as_str(), told.root.trouble.as_str(), told.device), ("nfs", "", None));
    assert!(told.root.total_bytes > 0);

    let known = VolumeRecord { format: "qcow2".into(), ..record("nfs", &at) };
    std::fs::write(&info, "").unwrap();
    let why = format!("nothing is mounted on {}", at.display());
    assert_eq!(storages.exists(&wanted(2)).await.unwrap_err().to_string(), why);
    assert_eq!(storages.remove(&known).await.unwrap_err().to_string(), why);
    assert!(made.path.exists());
    mounted("nfs");
    assert!(storages.exists(&wanted(2)).await.unwrap());
    storages.remove(&known).await.unwrap();
    assert!(!made.path.exists());
}

#[tokio::test]
async fn a_folder_that_guests_may_not_pass_is_found_out() {
    let host = Host::new();
    let folder = host.folder("closed");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (_, _, point) = host.storages("directory", &folder).listed().remove(0);
    let why = room(&point).await.unwrap_err();
    assert!(why.starts_with("guests' users may not pass") && why.contains("closed"), "{why}");
    let (_, _, gone) = host.storages("directory", Path::new("/nonexistent/disks")).listed().remove(0);
    assert_eq!(room(&gone).await.unwrap_err(), "the folder /nonexistent/disks is not there");
}

/// The control server names a place; the node's owner allows it.
#[tokio::test]
async fn t04_disks_go_nowhere_that_the_owner_did_not_list() {
    let host = Host::new();
    let folder = host.folder("listed");
    let storages = host.storages("directory", &folder);
    let path = folder.to_str().unwrap();
    for place in [("directory", "/etc"), ("mountpoint", path), ("directory", ""), ("lvm-thin", "vg/thin"), ("", path)] {
        let error = ensure(&storages, &disk(Some(place), "raw", 1)).await.unwrap_err();
        assert!(error.to_string().ends_with("is not one that this node's owner allows"), "{error}");
    }
    let odd = DiskSpec { volume_uuid: "../../../escape".into(), ..disk(Some(("directory", path)), "raw", 1) };
    let made = ensure(&storages, &odd).await.unwrap();
    assert_eq!(made.path, folder.join("berth/_________escape.raw"));
    let on_device = Storages::new(&host.paths, "berth", &[listed("zfs", "tank/vm")]);
    let why = on_device.check(&disk(Some(("zfs", "tank/vm")), "qcow2", 1)).unwrap_err();
    assert_eq!(why, "disk 1 is a device, and devices are raw, not qcow2");
}

#[tokio::test]
async fn a_host_without_the_programs_of_a_storage_says_which_package_has_them() {
    for (kind, location, program, package) in [
        ("lvm-thin", "berth-none/thin", "lvs", "lvm2"),
        ("zfs", "berth-none", "zfs", "zfsutils-linux"),
        ("ceph-rbd", "berth-none", "ceph", "ceph-common"),
    ] {
        let storages = Storages::new(&Paths::new("/nonexistent"), "berth", &[listed(kind, location)]);
        let told = told(&storages).await.remove(0).root;
        let is_installed =
            ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|dir| Path::new(dir).join(program).exists());
        assert!(!told.trouble.is_empty());
        if !is_installed {
            assert_eq!(
                told.trouble.to_lowercase(),
                format!("{program} is not installed (debian's package {package}).")
            );
        }
    }
}

/// Every command for one kind of device, as the program gets it.
fn commands(devices: &Devices) -> String {
    let (name, image) = (format!("berth-{UUID}"), PathBuf::from("/d/images/x.qcow2"));
    let image = ImageRef { path: image, format: "qcow2".into(), virtual_bytes: 1 << 30 };
    let part = format!("{name}.part");
    let mut lines = vec![format!("target: {}", devices.target(&name)), format!("device: {:?}", devices.device(&name))];
    let told =
        [devices.commands(&part, &name, 10 << 30, 20 << 30), vec![crate::disk::onto(&devices.target(&part), &image)]];
    lines.extend(told.into_iter().flatten().map(|cmd| cmd.line()));
    lines.join("\n")
}

#[test]
fn golden_commands_of_lvm() {
    let devices = Devices::Lvm(lvm::Thin::parse("vg0/thin").unwrap());
    insta::assert_snapshot!(commands(&devices));
}

#[test]
fn golden_commands_of_zfs() {
    insta::assert_snapshot!(commands(&Devices::Zfs(zfs::DataSet("tank/vm".into()))));
}

#[test]
fn golden_commands_of_ceph() {
    let pool = RbdPool {
        name: "rbd".into(),
        user: Some("berth".into()),
        secret_uuid: None,
        monitors: vec!["10.0.0.1:6789".into(), "10.0.0.2:6789".into()],
    };
    let plain = RbdPool { user: None, monitors: Vec::new(), ..pool.clone() };
    let both = format!("{}\n\n{}", commands(&Devices::Rbd(pool)), commands(&Devices::Rbd(plain)));
    insta::assert_snapshot!(both);
}
