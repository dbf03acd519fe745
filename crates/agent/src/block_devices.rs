//! What was read from and written to the block devices that storages are on, as the kernel counts it.
//!
//! A storage is on the device of its file system or its thin pool: a partition, a RAID, a volume; whatever else is on
//! that device is counted too. What is on none of this node (NFS, Ceph) or on several at once (Btrfs, ZFS) has no
//! counters here.

use std::{
    collections::HashMap,
    fs,
    num::ParseIntError,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use berth_proto::DiskStats;

/// A line for each device (Linux, admin-guide/iostats).
const DISKSTATS: &str = "/proc/diskstats";
/// Where Linux tells of devices.
pub const SYS_BLOCK: &str = "/sys/block";
/// Of a sector as it is counted there, whatever the device's own are.
const SECTOR_BYTES: u64 = 512;

/// By its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    pub major: u32,
    pub minor: u32,
}

/// Counters of all devices, since they came up.
pub type Counters = HashMap<Device, DiskStats>;

pub fn counters() -> Counters {
    parse(&fs::read_to_string(DISKSTATS).unwrap_or_default())
}

fn parse(diskstats: &str) -> Counters {
    diskstats.lines().filter_map(line).collect()
}

/// `8 1 sda1 reads merged sectors ms writes merged sectors ms ...`: newer kernels have more fields.
fn line(line: &str) -> Option<(Device, DiskStats)> {
    let mut fields = line.split_whitespace();
    let device = Device { major: fields.next()?.parse().ok()?, minor: fields.next()?.parse().ok()? };
    let numbers: Result<Vec<u64>, ParseIntError> = fields.skip(1).take(7).map(str::parse).collect();
    let [read_requests, _, sectors_read, _, write_requests, _, sectors_written] = numbers.ok()?[..] else {
        return None;
    };
    let stats = DiskStats {
        read_bytes: sectors_read.saturating_mul(SECTOR_BYTES),
        write_bytes: sectors_written.saturating_mul(SECTOR_BYTES),
        read_requests,
        write_requests,
    };
    Some((device, stats))
}

/// The device of the file system that a path is in; none where that is on no single one.
pub fn under(path: &Path) -> Option<Device> {
    let number = fs::metadata(path).ok()?.dev();
    let device = Device { major: rustix::fs::major(number), minor: rustix::fs::minor(number) };
    (device.major != 0).then_some(device)
}

/// The device that the device mapper has under a name; `sys` is [`SYS_BLOCK`].
pub fn mapped(sys: &Path, name: &str) -> Option<Device> {
    let is_it = |dir: &PathBuf| fs::read_to_string(dir.join("dm/name")).is_ok_and(|text| text.trim() == name);
    let dir = fs::read_dir(sys).ok()?.flatten().map(|entry| entry.path()).find(is_it)?;
    let text = fs::read_to_string(dir.join("dev")).ok()?;
    let (major, minor) = text.trim().split_once(':')?;
    Some(Device { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDA1: Device = Device { major: 8, minor: 1 };

    /// As kernels of 4.18, 5.5 and 6.1 write it.
    const FIXTURE: &str = "   8       0 sda 120 7 9600 55 300 41 20480 910 0 700 965\n   \
        8       1 sda1 100 7 8000 50 290 40 16384 900 0 650 950 0 0 0 0\n \
        253       2 vg0-thin-tpool 9 0 72 1 8 0 64 2 0 3 3 5 0 40960 1 0 0\n \
        11       0 sr0 0 0\nnonsense\n   8       x sdb 1 2 3 4 5 6 7\n   8       32 sdc 1 2 3 4 5 6 -7\n";

    #[test]
    fn counters_are_read_in_bytes_and_requests_and_broken_lines_are_left_out() {
        let read = parse(FIXTURE);
        assert_eq!(read.len(), 3, "{read:?}");
        let sda1 =
            DiskStats { read_bytes: 8000 * 512, write_bytes: 16_384 * 512, read_requests: 100, write_requests: 290 };
        assert_eq!(read[&SDA1], sda1);
        let pool = DiskStats { read_bytes: 72 * 512, write_bytes: 64 * 512, read_requests: 9, write_requests: 8 };
        assert_eq!(read[&Device { major: 253, minor: 2 }], pool);
        assert_eq!(parse(""), Counters::new());
        let most = format!("8 1 sda1 1 0 {} 0 1 0 1 0", u64::MAX);
        assert_eq!(parse(&most)[&SDA1].read_bytes, u64::MAX);
    }

    #[test]
    fn a_thin_pool_is_found_by_its_mappers_name() {
        let sys = tempfile::tempdir().unwrap();
        for (dir, name, numbers) in [("dm-0", "vg0-root", "253:0"), ("dm-7", "vg0-thin-tpool", "253:7")] {
            let dir = sys.path().join(dir);
            fs::create_dir_all(dir.join("dm")).unwrap();
            fs::write(dir.join("dm/name"), format!("{name}\n")).unwrap();
            fs::write(dir.join("dev"), format!("{numbers}\n")).unwrap();
        }
        fs::create_dir_all(sys.path().join("sda")).unwrap();
        assert_eq!(mapped(sys.path(), "vg0-thin-tpool"), Some(Device { major: 253, minor: 7 }));
        assert_eq!(mapped(sys.path(), "thin"), None);
        assert_eq!(mapped(&sys.path().join("nowhere"), "vg0-root"), None);
    }

    #[test]
    fn what_is_on_no_device_has_none() {
        assert_eq!(under(Path::new("/proc")), None);
        assert_eq!(under(Path::new("/nowhere/at/all")), None);
    }
}
