//! What a node tells of a storage that is a folder of this machine, against what the kernel says of it.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::{fs::File, io::Write, os::unix::fs::PermissionsExt};

use berth_agent::{
    block_devices,
    paths::Paths,
    storage::{StorageConfig, Storages, Told, told},
};
use berth_proto::DiskStats;

/// What others on this machine may write or remove within the test.
const SLACK_BYTES: u64 = 1 << 30;
const WRITTEN_BYTES: usize = 8 << 20;

async fn look(storages: &Storages) -> Told {
    let mut all = told(storages).await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn sums(stats: DiskStats) -> [u64; 4] {
    [stats.read_bytes, stats.write_bytes, stats.read_requests, stats.write_requests]
}

#[tokio::test]
async fn a_folders_figures_are_its_file_systems_and_its_devices() {
    // Not where memory may be mounted.
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let config = StorageConfig {
        kind: "directory".to_owned(),
        path: Some(dir.path().display().to_string()),
        ..StorageConfig::default()
    };
    let storages = Storages::new(&Paths::new("/nonexistent"), "berth", &[config]);

    let before = rustix::fs::statvfs(dir.path()).unwrap();
    let Told { root, device } = look(&storages).await;
    let after = rustix::fs::statvfs(dir.path()).unwrap();
    assert_eq!((root.trouble.as_str(), root.is_default), ("", false));
    assert_eq!(root.total_bytes, before.f_blocks * before.f_frsize);
    let [least, most] = [before, after].map(|stat| stat.f_bavail * stat.f_frsize);
    let (least, most) = (least.min(most).saturating_sub(SLACK_BYTES), least.max(most) + SLACK_BYTES);
    assert!((least..=most).contains(&root.free_bytes), "{least} <= {} <= {most}", root.free_bytes);

    let Some(device) = device else {
        return eprintln!("skipped: {} is on no block device of its own", dir.path().display());
    };
    let counted = || sums(block_devices::counters()[&device]);
    let told_now = || sums(look_again(&root, device).io.unwrap());
    let (first, shown, last) = (counted(), told_now(), counted());
    for (at, value) in shown.into_iter().enumerate() {
        assert!((first[at]..=last[at]).contains(&value), "{at}: {first:?} {shown:?} {last:?}");
    }
    let mut file = File::create(dir.path().join("written")).unwrap();
    // Nothing that a file system could leave out.
    let bytes: Vec<u8> = (0..WRITTEN_BYTES).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
    file.write_all(&bytes).unwrap();
    file.sync_all().unwrap();
    let written = told_now()[1] - shown[1];
    assert!(written >= WRITTEN_BYTES as u64, "{written} bytes were written to {device:?}");
}

/// As it is told with each sample.
fn look_again(root: &berth_proto::StorageRoot, device: block_devices::Device) -> berth_proto::StorageRoot {
    Told { root: root.clone(), device: Some(device) }.with(&block_devices::counters())
}
