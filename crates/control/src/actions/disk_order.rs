//! What a disk of a server is asked to be: values within their bounds, every mistake at once. Pure.

use berth_api::v1::server_disk::{CreateDisk, DiskQos, UpdateDisk};
use berth_store::{
    entity::{package, server_disk},
    server_change::DiskLimits,
    server_disk::Hardware,
};
use serde_json::{Value, json};

use super::{rules, server_order::DISK_GIB, server_resources::limits};
use crate::Error;

/// The Global API's.
const FILESYSTEMS: [&str; 5] = ["none", "ext4", "xfs", "btrfs", "ntfs"];
const FORMATS: [&str; 2] = ["qcow2", "raw"];
/// As agents know them; the first is what null is.
const BUSES: [&str; 3] = ["virtio", "scsi", "sata"];
pub const CACHES: [&str; 5] = ["none", "writethrough", "writeback", "directsync", "unsafe"];
const IO: [&str; 2] = ["threads", "native"];
/// Without the host's own cache, which is what native input and output needs.
const DIRECT: [&str; 2] = ["none", "directsync"];
/// A second.
const MOST_LIMIT: i64 = 1_000_000_000_000;

/// What can be changed of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub size_gib: i64,
    pub hardware: Hardware,
    pub limits: DiskLimits,
}

/// A disk that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskOrder {
    pub settings: Settings,
    /// 0 is the node's own folder; `None` leaves it to placement.
    pub storage_point: Option<i64>,
    /// `None` leaves it to package, storage and node.
    pub format: Option<String>,
    pub filesystem: Option<String>,
}

impl DiskOrder {
    /// Limits that are not named are the package's.
    pub fn check(input: CreateDisk, package: &package::Model) -> Result<Self, Error> {
        let CreateDisk { size_gb, storage_point_id, filesystem, format, bus, cache, io, qos, apply: _ } = input;
        let mut errors = Vec::new();
        if size_gb.is_none() {
            errors.push("The sizeGb field is required.".to_owned());
        }
        if storage_point_id.is_some_and(|id| id < 0) {
            errors.push(NO_POINT.to_owned());
        }
        let filesystem = one_of(&mut errors, "filesystem", filesystem, &FILESYSTEMS).filter(|name| name != "none");
        let format = one_of(&mut errors, "format", format, &FORMATS);
        let of_package = Settings {
            size_gib: DISK_GIB.0,
            hardware: Hardware::default(),
            limits: DiskLimits {
                read_bytes_s: package.read_bytes_s,
                write_bytes_s: package.write_bytes_s,
                read_iops: package.read_iops,
                write_iops: package.write_iops,
            },
        };
        let change = UpdateDisk { size_gb, bus: Some(bus), cache: Some(cache), io: Some(io), qos, apply: None };
        let settings = of_package.changed(&mut errors, change);
        rules::done(errors)?;
        Ok(Self { settings, storage_point: storage_point_id, format, filesystem })
    }
}

pub const NO_POINT: &str = "The storagePointId must be 0 or a storage point of the server's hypervisor.";

impl Settings {
    pub fn of(row: &server_disk::Model) -> Self {
        Self { size_gib: row.capacity_gib, hardware: Hardware::of(row), limits: limits(row) }
    }

    /// What the disk is to be; it only grows.
    pub fn changed_by(&self, input: UpdateDisk) -> Result<Self, Error> {
        let mut errors = Vec::new();
        let new = self.clone().changed(&mut errors, input);
        if new.size_gib < self.size_gib {
            errors.push(format!(
                "The sizeGb must be at least the {} GB that the disk has: disks only grow.",
                self.size_gib
            ));
        }
        rules::done(errors)?;
        Ok(new)
    }

    fn changed(mut self, errors: &mut Vec<String>, input: UpdateDisk) -> Self {
        let UpdateDisk { size_gb, bus, cache, io, qos, apply: _ } = input;
        if let Some(size) = size_gb {
            rules::within(errors, "sizeGb", size, DISK_GIB.0..=DISK_GIB.1);
            self.size_gib = size;
        }
        let Hardware { bus: to_bus, cache: to_cache, io: to_io } = &mut self.hardware;
        for (field, asked, to, known) in
            [("bus", bus, to_bus, &BUSES[..]), ("cache", cache, to_cache, &CACHES), ("io", io, to_io, &IO)]
        {
            if let Some(asked) = asked {
                *to = one_of(errors, field, asked, known);
            }
        }
        self.hardware.bus.take_if(|bus| bus == BUSES[0]);
        let Hardware { cache, io, .. } = &self.hardware;
        let is_direct = cache.as_deref().is_some_and(|cache| DIRECT.contains(&cache));
        if io.as_deref() == Some("native") && !is_direct {
            errors.push("The io can be native only with the cache none or directsync.".to_owned());
        }
        self.limit(errors, qos.unwrap_or_default());
        self
    }

    fn limit(&mut self, errors: &mut Vec<String>, qos: DiskQos) {
        let DiskLimits { read_bytes_s, write_bytes_s, read_iops, write_iops } = &mut self.limits;
        for (field, asked, to) in [
            ("qos.readIops", qos.read_iops, read_iops),
            ("qos.writeIops", qos.write_iops, write_iops),
            ("qos.readBytes", qos.read_bytes, read_bytes_s),
            ("qos.writeBytes", qos.write_bytes, write_bytes_s),
        ] {
            if let Some(value) = asked {
                rules::within(errors, field, value, 0..=MOST_LIMIT);
                *to = Some(value).filter(|value| *value != 0);
            }
        }
    }

    /// For the audit log.
    pub fn shown(&self) -> Value {
        let Self { size_gib, hardware: Hardware { bus, cache, io }, limits } = self;
        let DiskLimits { read_bytes_s, write_bytes_s, read_iops, write_iops } = limits;
        json!({ "sizeGb": size_gib, "bus": bus, "cache": cache, "io": io,
                "qos": { "readIops": read_iops, "writeIops": write_iops,
                         "readBytes": read_bytes_s, "writeBytes": write_bytes_s } })
    }
}

/// The word in lower case, if it is one that is known; `None` where none is given.
fn one_of(errors: &mut Vec<String>, field: &str, asked: Option<String>, known: &[&str]) -> Option<String> {
    let asked = asked?.trim().to_ascii_lowercase();
    if asked.is_empty() {
        return None;
    }
    if !known.contains(&asked.as_str()) {
        errors.push(format!("The {field} must be one of {}.", known.join(", ")));
    }
    Some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let limits = DiskLimits { read_iops: Some(100), write_iops: Some(50), ..DiskLimits::default() };
        Settings { size_gib: 10, hardware: Hardware::default(), limits }
    }

    #[test]
    fn what_is_left_out_stays_and_virtio_and_no_limit_are_nothing() {
        let text = |word: &str| Some(Some(word.to_owned()));
        let qos = DiskQos { read_iops: Some(0), read_bytes: Some(7), ..DiskQos::default() };
        let change = UpdateDisk { size_gb: Some(12), bus: text(" SCSI "), qos: Some(qos), ..UpdateDisk::default() };
        let new = settings().changed_by(change).unwrap();
        let limits = DiskLimits { read_bytes_s: Some(7), write_iops: Some(50), ..DiskLimits::default() };
        assert_eq!((new.size_gib, new.hardware.bus.as_deref(), new.limits), (12, Some("scsi"), limits));
        for back in [text("virtio"), Some(None)] {
            let new = new.changed_by(UpdateDisk { bus: back, ..UpdateDisk::default() }).unwrap();
            assert_eq!(new.hardware, Hardware::default());
        }
        assert_eq!(new.changed_by(UpdateDisk::default()).unwrap(), new);
    }

    #[test]
    fn native_input_and_output_needs_a_cache_that_is_direct_and_keeps_it() {
        let change = |cache: Option<&str>, io: Option<&str>| UpdateDisk {
            cache: cache.map(|word| Some(word.to_owned())),
            io: io.map(|word| Some(word.to_owned())),
            ..UpdateDisk::default()
        };
        assert!(settings().changed_by(change(None, Some("native"))).is_err());
        assert!(settings().changed_by(change(Some("writeback"), Some("native"))).is_err());
        let native = settings().changed_by(change(Some("none"), Some("native"))).unwrap();
        assert!(native.changed_by(change(Some("writeback"), None)).is_err());
        assert!(native.changed_by(change(Some("directsync"), None)).is_ok());
        assert!(native.changed_by(change(Some("writeback"), Some("threads"))).is_ok());
    }
}
