use super::*;
use crate::paths::Paths;
use std::cell::RefCell;

const UUID: &str = "11111111-2222-4333-8444-555555555555";
const MIB: u64 = 1 << 20;

struct Store {
    paths: Paths,
    _dir: tempfile::TempDir,
}

impl Store {
    fn new() -> Store {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path());
        paths.ensure_dirs().unwrap();
        Store { paths, _dir: dir }
    }

    /// A template of 64 MiB with a word in its first sector.
    async fn template(&self) -> ImageRef {
        let raw = self.paths.images_dir().join("t.raw");
        let mut content = vec![0; 64 << 20];
        content[..8].copy_from_slice(b"template");
        std::fs::write(&raw, content).unwrap();
        let path = self.paths.images_dir().join("t.qcow2");
        let cmd = Cmd::new("qemu-img").args(["convert", "-f", "raw", "-O", "qcow2"]).arg(&raw).arg(&path);
        cmd.run().await.unwrap();
        ImageRef { path, format: "qcow2".into(), virtual_bytes: 64 * MIB }
    }

    async fn ensure(&self, disk: &DiskSpec, image: Option<&ImageRef>, mode: Mode) -> Result<VolumeState, DiskError> {
        let path = self.paths.volume(&disk.volume_uuid, &disk.format);
        ensure_volume(&path, disk, me(), image, mode, |_| {}).await
    }

    fn volumes(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.paths.volumes_dir()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

fn disk(format: &str, capacity_gib: u64) -> DiskSpec {
    DiskSpec { volume_uuid: UUID.into(), index: 1, capacity_gib, format: format.into(), ..Default::default() }
}

async fn first_bytes(path: &Path, format: &str) -> Vec<u8> {
    let out = path.with_extension("dump");
    Cmd::new("qemu-img").args(["convert", "-f", format, "-O", "raw"]).arg(path).arg(&out).run().await.unwrap();
    let mut bytes = vec![0; 8];
    std::io::Read::read_exact(&mut std::fs::File::open(&out).unwrap(), &mut bytes).unwrap();
    std::fs::remove_file(out).unwrap();
    bytes
}

#[tokio::test]
async fn a_linked_clone_is_made_once_grown_and_made_independent() {
    let store = Store::new();
    let template = store.template().await;
    let made = store.ensure(&disk("qcow2", 1), Some(&template), Mode::Linked).await.unwrap();
    assert!(made.linked && made.capacity_bytes == 1 << 30, "{made:?}");
    assert_eq!(first_bytes(&made.path, "qcow2").await, b"template");
    assert_eq!(made.path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    // The file is taken as it is: another template or mode changes nothing.
    let before = std::fs::read(&made.path).unwrap();
    assert_eq!(store.ensure(&disk("qcow2", 1), None, Mode::Full).await.unwrap(), made);
    assert_eq!(std::fs::read(&made.path).unwrap(), before);

    assert_eq!(store.ensure(&disk("qcow2", 3), None, Mode::Linked).await.unwrap().capacity_bytes, 3 << 30);
    let smaller = store.ensure(&disk("qcow2", 2), None, Mode::Linked).await.unwrap();
    assert_eq!(smaller.capacity_bytes, 3 << 30, "a disk is never made smaller");

    flatten(&made.path, "qcow2").await.unwrap();
    flatten(&made.path, "qcow2").await.unwrap();
    assert!(!volume_info(&made.path, "qcow2").unwrap().linked);
    std::fs::remove_file(&template.path).unwrap();
    assert_eq!(first_bytes(&made.path, "qcow2").await, b"template");

    remove_volume(&store.paths.volumes_dir(), UUID).unwrap();
    remove_volume(&store.paths.volumes_dir(), UUID).unwrap();
    assert_eq!(store.volumes(), [""; 0]);
}

#[tokio::test]
async fn a_full_copy_tells_its_progress_and_needs_no_template() {
    let store = Store::new();
    let template = store.template().await;
    for format in ["qcow2", "raw"] {
        let said = RefCell::new(Vec::new());
        let tell = |percent| said.borrow_mut().push(percent);
        let path = store.paths.volume(UUID, format);
        let made = ensure_volume(&path, &disk(format, 1), me(), Some(&template), Mode::Full, tell).await.unwrap();
        assert!(!made.linked && made.capacity_bytes == 1 << 30, "{made:?}");
        assert_eq!(first_bytes(&made.path, format).await, b"template");
        assert_eq!(said.borrow().last(), Some(&100));
        assert!(said.borrow().is_sorted());
    }
}

#[tokio::test]
async fn raw_disks_are_copied_even_where_links_are_the_rule() {
    let store = Store::new();
    let template = store.template().await;
    let made = store.ensure(&disk("raw", 1), Some(&template), Mode::Linked).await.unwrap();
    assert!(!made.linked && made.path.extension().unwrap() == "raw");
}

#[tokio::test]
async fn what_a_kill_left_is_not_taken_for_a_disk() {
    let store = Store::new();
    let path = store.paths.volume(UUID, "qcow2");
    std::fs::write(part_of(&path), b"half a disk").unwrap();
    let made = store.ensure(&disk("qcow2", 1), None, Mode::Linked).await.unwrap();
    assert_eq!(made.capacity_bytes, 1 << 30);
    assert_eq!(store.volumes(), [format!("{UUID}.qcow2")]);
}

#[tokio::test]
async fn a_failed_creation_leaves_nothing() {
    let store = Store::new();
    let gone = ImageRef { path: "/nonexistent".into(), format: "qcow2".into(), virtual_bytes: MIB };
    for mode in [Mode::Linked, Mode::Full] {
        let error = store.ensure(&disk("qcow2", 1), Some(&gone), mode).await.unwrap_err();
        assert!(error.to_string().starts_with("qemu-img ended with exit code 1: "), "{error}");
        assert_eq!(store.volumes(), [""; 0]);
    }
}

/// A guest wrote the header of a qcow2 image with a backing file onto its raw disk.
#[tokio::test]
async fn t11_a_raw_disk_stays_raw_whatever_a_guest_wrote_on_it() {
    let store = Store::new();
    let made = store.ensure(&disk("raw", 1), None, Mode::Linked).await.unwrap();
    let trap = store.paths.volumes_dir().join("trap");
    let cmd = Cmd::new("qemu-img").args(["create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/shadow"]);
    cmd.arg(&trap).arg("1G").run().await.unwrap();
    let file = std::fs::File::options().write(true).open(&made.path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &std::fs::read(&trap).unwrap(), 0).unwrap();

    let seen = volume_info(&made.path, "raw").unwrap();
    assert!(!seen.linked && seen.capacity_bytes == 1 << 30, "{seen:?}");
    let grown = store.ensure(&disk("raw", 2), None, Mode::Linked).await.unwrap();
    assert!(!grown.linked && grown.capacity_bytes == 2 << 30, "{grown:?}");
    assert_eq!(&first_bytes(&made.path, "raw").await[..4], b"QFI\xfb");
}

#[tokio::test]
async fn t12_sizes_and_formats_out_of_bounds_are_refused_before_anything_is_made() {
    let store = Store::new();
    let mut large = store.template().await;
    large.virtual_bytes = 5 << 30;
    for (disk, image, word) in [
        (disk("qcow2", 0), None, "1 to 65536 GiB"),
        (disk("qcow2", u64::MAX), None, "1 to 65536 GiB"),
        (disk("vmdk", 1), None, "vmdk"),
        (disk("../x", 1), None, "../x"),
        (disk("qcow2", 1), Some(&large), "at least 5 GiB"),
    ] {
        let error = store.ensure(&disk, image, Mode::Full).await.unwrap_err();
        assert!(matches!(error, DiskError::Refused(_)) && error.to_string().contains(word), "{error}");
    }
    assert_eq!(store.volumes(), [""; 0]);
}

#[tokio::test]
async fn t12_a_new_disk_reads_as_zeroes() {
    let store = Store::new();
    for format in ["raw", "qcow2"] {
        let made = store.ensure(&disk(format, 1), None, Mode::Full).await.unwrap();
        assert_eq!(first_bytes(&made.path, format).await, [0; 8]);
        assert!(made.allocated_bytes < MIB, "{made:?}");
    }
}

/// On a file system of 16 MiB; where the test may not mount, it is skipped.
#[tokio::test]
async fn t27_a_full_storage_is_said_and_leaves_nothing_half() {
    let store = Store::new();
    let mut template = store.template().await;
    // Something that does not compress to nothing.
    let noise: Vec<u8> = (0..8u32 << 20).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    template.path = store.paths.images_dir().join("noise");
    template.format = "raw".into();
    std::fs::write(&template.path, noise).unwrap();
    let small = store.paths.volumes_dir();
    let mount = Cmd::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(&small).run().await;
    if mount.is_err() {
        return eprintln!("skipped: no right to mount");
    }
    let error = store.ensure(&disk("qcow2", 1), Some(&template), Mode::Full).await.unwrap_err();
    let left = store.volumes();
    Cmd::new("umount").arg(&small).run().await.unwrap();
    assert!(matches!(error, DiskError::Full { .. }), "{error}");
    assert!(error.to_string().contains("the storage of this node is full"), "{error}");
    assert_eq!(left, [""; 0]);
}

#[test]
fn the_percentage_of_a_copy_is_read() {
    assert_eq!(percent_in(b"    (0.00/100%)\r    (12.99/100%)\r"), Some(12));
    assert_eq!(percent_in(b"    (100.00/100%)\n"), Some(100));
    assert_eq!(percent_in(b""), None);
    assert_eq!(percent_in(b"(x/100%)"), None);
}
