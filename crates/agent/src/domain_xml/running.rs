//! Reads libvirt's description of a running guest: what it has of all that can be changed while it runs.
//!
//! Only what is compared with the specification is read; the rest of the definition is covered by the frame's hash in
//! Berth's metadata.

use std::path::{Path, PathBuf};

use berth_proto::DiskLimits;
use quick_xml::{
    XmlVersion,
    events::{BytesStart, Event},
    reader::Reader,
};

use super::metadata::NAMESPACE;
use crate::storage::Source;

/// What a guest runs with. What the description does not say is zero or empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// Of the definition that it was started with, see [`super::frame_hash`].
    pub frame: String,
    /// Processors that it was started with.
    pub vcpus_at_start: u32,
    /// What its seed said of its network when it was started, see [`crate::cloud_init::network_hash`]; empty of guests
    /// that agents of before started.
    pub network: String,
    pub vcpus: u32,
    pub vcpu_places: u32,
    /// The balloon's bound.
    pub memory_limit_kib: u64,
    pub cpu_shares: Option<u32>,
    /// None: the processors are not throttled.
    pub cpu_quota_us: Option<u64>,
    pub disks: Vec<RunningDisk>,
    pub interfaces: Vec<RunningInterface>,
}

/// A disk, not a CD-ROM.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunningDisk {
    pub target: String,
    pub file: PathBuf,
    pub format: String,
    pub cache: String,
    pub io: String,
    pub bus: String,
    pub limits: DiskLimits,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunningInterface {
    pub mac: String,
    pub bridge: String,
    pub tap: String,
    pub model: String,
    pub mtu: u32,
    /// Pairs; 0 and 1 are one.
    pub queues: u32,
    pub link_down: bool,
}

impl Running {
    /// From the live XML. Text that is no XML reads as a guest that has nothing.
    pub fn read(xml: &str) -> Running {
        let mut reader = Reader::from_str(xml);
        let mut found = Running::default();
        // Names of the open elements.
        let mut path: Vec<String> = Vec::new();
        let mut is_disk = false;
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Eof => break,
                Event::Start(start) => {
                    path.push(name(&start));
                    found.element(&path.join("/"), &start, &mut is_disk);
                }
                Event::Empty(start) => {
                    path.push(name(&start));
                    found.element(&path.join("/"), &start, &mut is_disk);
                    path.pop();
                }
                Event::Text(text) => {
                    let text = text.trim();
                    if !text.is_empty() {
                        found.text(&path.join("/"), text, is_disk);
                    }
                }
                Event::End(_) => {
                    path.pop();
                }
                _ => {}
            }
        }
        found
    }

    pub fn disk_of(&self, file: &Path) -> Option<&RunningDisk> {
        self.disks.iter().find(|disk| disk.file == file)
    }

    fn element(&mut self, path: &str, start: &BytesStart, is_disk: &mut bool) {
        let value = |name: &str| value(start, name);
        if path == "domain/metadata/server" && start.attributes().flatten().any(|a| a.value == NAMESPACE) {
            self.frame = value("frame");
            self.vcpus_at_start = value("vcpus").parse().unwrap_or(0);
            self.network = value("network");
        }
        match path {
            "domain/vcpu" => self.vcpus = value("current").parse().unwrap_or(0),
            "domain/devices/disk" => {
                *is_disk = value("device") == "disk";
                if *is_disk {
                    self.disks.push(RunningDisk::default());
                }
            }
            "domain/devices/interface" => self.interfaces.push(RunningInterface::default()),
            _ => {}
        }
        if let (Some(disk), true) = (self.disks.last_mut(), *is_disk) {
            match path {
                "domain/devices/disk/driver" => {
                    (disk.format, disk.cache, disk.io) = (value("type"), value("cache"), value("io"));
                }
                "domain/devices/disk/source" => disk.file = source_key(start),
                "domain/devices/disk/target" => (disk.target, disk.bus) = (value("dev"), value("bus")),
                _ => {}
            }
        }
        if let Some(interface) = self.interfaces.last_mut() {
            match path {
                "domain/devices/interface/mac" => interface.mac = value("address"),
                "domain/devices/interface/source" => interface.bridge = value("bridge"),
                "domain/devices/interface/target" => interface.tap = value("dev"),
                "domain/devices/interface/model" => interface.model = value("type"),
                "domain/devices/interface/driver" => interface.queues = value("queues").parse().unwrap_or(0),
                "domain/devices/interface/link" => interface.link_down = value("state") == "down",
                "domain/devices/interface/mtu" => interface.mtu = value("size").parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    fn text(&mut self, path: &str, text: &str, is_disk: bool) {
        let number = || text.parse::<u64>().unwrap_or(0);
        match path {
            // libvirt itself always writes KiB.
            "domain/memory" => self.memory_limit_kib = number(),
            "domain/vcpu" => {
                self.vcpu_places = text.parse().unwrap_or(0);
                if self.vcpus == 0 {
                    self.vcpus = self.vcpu_places;
                }
            }
            "domain/cputune/shares" => self.cpu_shares = text.parse().ok(),
            // Negative: no quota.
            "domain/cputune/quota" => self.cpu_quota_us = text.parse().ok().filter(|quota_us| *quota_us > 0),
            _ => {}
        }
        if let (Some(disk), true) = (self.disks.last_mut(), is_disk) {
            match path {
                "domain/devices/disk/iotune/read_iops_sec" => disk.limits.read_iops = number(),
                "domain/devices/disk/iotune/write_iops_sec" => disk.limits.write_iops = number(),
                "domain/devices/disk/iotune/read_bytes_sec" => disk.limits.read_bytes_s = number(),
                "domain/devices/disk/iotune/write_bytes_sec" => disk.limits.write_bytes_s = number(),
                _ => {}
            }
        }
    }
}

/// The path of a file or device, or the name of an image of Ceph's.
fn source_key(start: &BytesStart) -> PathBuf {
    match (value(start, "file"), value(start, "dev")) {
        (file, _) if !file.is_empty() => file.into(),
        (_, device) if !device.is_empty() => device.into(),
        _ if value(start, "protocol") == "rbd" => Source::key_of_rbd(&value(start, "name")),
        _ => PathBuf::new(),
    }
}

fn name(start: &BytesStart) -> String {
    start.local_name().as_ref().to_owned()
}

/// Empty where the attribute is not there.
fn value(start: &BytesStart, name: &str) -> String {
    let attribute = start.try_get_attribute(name).ok().flatten();
    let value = attribute.and_then(|a| a.normalized_value(XmlVersion::Implicit1_0).ok().map(|v| v.into_owned()));
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libvirt 9.0 describes a guest on a linked clone.
    const LIVE: &str = r#"<domain type='qemu' id='7'>
  <metadata><berth:server xmlns:berth="urn:berth:server:1" cluster="c" uuid="u" id="1" epoch="1" generation="2" hash="h" frame="f00" vcpus="1" network="n1"/>
    <other:server xmlns:other="urn:other" frame="bad" vcpus="9" network="n9"/></metadata>
  <memory unit='KiB'>262144</memory>
  <currentMemory unit='KiB'>196608</currentMemory>
  <vcpu placement='static' current='2'>8</vcpu>
  <cputune><shares>512</shares><period>100000</period><quota>25000</quota></cputune>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='writeback' io='threads' discard='unmap'/>
      <source file='/d/volumes/a.qcow2' index='2'><seclabel model='dac' relabel='no'/></source>
      <backingStore type='file' index='3'><format type='qcow2'/><source file='/d/images/t.qcow2'/></backingStore>
      <target dev='vda' bus='virtio'/>
      <iotune><read_bytes_sec>2097152</read_bytes_sec><write_iops_sec>200</write_iops_sec></iotune>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/><source file='/d/seeds/s.iso' index='1'/><target dev='sda' bus='scsi'/>
    </disk>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:01'/><source bridge='berth0'/><target dev='berth0123456789'/>
      <model type='virtio'/><driver queues='4'/><link state='down'/><mtu size='1400'/>
    </interface>
  </devices>
</domain>"#;

    #[test]
    fn what_a_guest_runs_with_is_read_and_its_template_and_seed_are_not_its_disks() {
        let found = Running::read(LIVE);
        let at_start = (found.frame.as_str(), found.vcpus_at_start, found.network.as_str());
        assert_eq!(at_start, ("f00", 1, "n1"), "another's metadata is not ours");
        assert_eq!((found.vcpus, found.vcpu_places, found.memory_limit_kib), (2, 8, 262_144));
        assert_eq!((found.cpu_shares, found.cpu_quota_us), (Some(512), Some(25_000)));
        let limits = DiskLimits { read_bytes_s: 2 << 20, write_iops: 200, ..Default::default() };
        let disk = RunningDisk {
            target: "vda".into(),
            file: "/d/volumes/a.qcow2".into(),
            format: "qcow2".into(),
            cache: "writeback".into(),
            io: "threads".into(),
            bus: "virtio".into(),
            limits,
        };
        assert_eq!(found.disks, [disk]);
        let interface = RunningInterface {
            mac: "52:54:00:00:00:01".into(),
            bridge: "berth0".into(),
            tap: "berth0123456789".into(),
            model: "virtio".into(),
            mtu: 1400,
            queues: 4,
            link_down: true,
        };
        assert_eq!(found.interfaces, [interface]);
    }

    #[test]
    fn a_quota_that_was_taken_back_and_a_guest_without_spare_places_are_understood() {
        let plain = LIVE.replace("25000", "-1").replace(" current='2'", "");
        let found = Running::read(&plain);
        assert_eq!((found.cpu_quota_us, found.vcpus), (None, 8));
        assert_eq!(Running::read("no <xml"), Running::default());
    }
}
