//! Live figures and the picture of a simulated guest that is to look alive.

use berth_proto as proto;

use crate::{libvirt::screenshot::Screenshot, thumbnail::thumbnail};

const WIDTH: usize = 150;
const HEIGHT: usize = 94;
/// How long the text is, line by line.
const LINES: [usize; 7] = [0, 60, 84, 48, 0, 70, 22];
const MIB_KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;

/// What a guest of `memory_mib` with these interfaces says at its `tick`th sample: waves, and totals that grow.
pub fn of_guest(spec: &proto::ServerSpec, tick: u64) -> proto::ServerStats {
    let wave = |period: u64| {
        let at = tick % period;
        at.min(period - at)
    };
    let memory_kib = spec.memory_mib * MIB_KIB;
    let disk = spec.disks.first().map_or(GIB, |disk| disk.capacity_gib * GIB);
    let traffic = proto::InterfaceStats {
        rx_bytes: tick * 180_000 + wave(40) * 9_000,
        tx_bytes: tick * 60_000 + wave(30) * 5_000,
        rx_packets: tick * 200,
        tx_packets: tick * 90,
    };
    proto::ServerStats {
        cpu_percent: f64::from(u32::try_from(6 + wave(24) * 3 + wave(7) * 4).unwrap_or(0)),
        memory_actual_kib: memory_kib,
        memory_available_kib: memory_kib - memory_kib / 20,
        memory_unused_kib: memory_kib / 2 + wave(50) * memory_kib / 200,
        memory_rss_kib: memory_kib / 2,
        interfaces: spec.interfaces.iter().map(|interface| (interface.tag.clone(), traffic)).collect(),
        filesystems: vec![proto::GuestFilesystem {
            name: "vda1".to_owned(),
            mountpoint: "/".to_owned(),
            r#type: "ext4".to_owned(),
            used_bytes: disk / 4,
            total_bytes: disk - disk / 20,
        }],
        guest_os: Some(proto::GuestOs {
            id: "simulated".to_owned(),
            pretty_name: "A simulated guest".to_owned(),
            kernel_release: "0".to_owned(),
            version: "0".to_owned(),
        }),
        ..Default::default()
    }
}

/// A PNG of a terminal with some lines on it.
pub fn picture() -> Vec<u8> {
    let mut bytes = format!("P6\n{WIDTH} {HEIGHT}\n255\n").into_bytes();
    for y in 0..HEIGHT {
        let length = LINES.get(y / 10).filter(|_| y % 10 < 4).copied().unwrap_or(0);
        for x in 0..WIDTH {
            let is_lit = (8..8 + length).contains(&x) && x % 6 < 4;
            bytes.extend([if is_lit { 190 } else { 18 }; 3]);
        }
    }
    thumbnail(&Screenshot { media_type: "image/x-portable-pixmap".into(), bytes }).unwrap_or_default()
}
