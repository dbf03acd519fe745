//! Live figures.

use berth_api::{
    time,
    v1::{
        server::ServerGuestOs,
        server_remote::{
            RemoteAgent, RemoteDisk, RemoteFigures, RemoteFilesystem, RemoteInterface, RemoteMemory, RemoteState,
        },
    },
};
use berth_proto as proto;

use crate::live::{self, LiveServer};

/// What the node tells; without fresh figures, the power as far as it is known.
pub fn figures(power: String, live: Option<&LiveServer>) -> RemoteState {
    let figures = match live {
        Some(live) => sampled(live),
        None => RemoteFigures { running: power == "running", state: power, ..Default::default() },
    };
    RemoteState::Known(Box::new(figures))
}

fn sampled(live: &LiveServer) -> RemoteFigures {
    let stats = &live.stats;
    let disk = |disk: &proto::DiskStats| RemoteDisk {
        read_bytes: disk.read_bytes,
        write_bytes: disk.write_bytes,
        read_requests: disk.read_requests,
        write_requests: disk.write_requests,
    };
    let interface = |interface: &proto::InterfaceStats| RemoteInterface {
        rx_bytes: interface.rx_bytes,
        tx_bytes: interface.tx_bytes,
        rx_packets: interface.rx_packets,
        tx_packets: interface.tx_packets,
    };
    let filesystem = |found: &proto::GuestFilesystem| RemoteFilesystem {
        name: found.name.clone(),
        mountpoint: found.mountpoint.clone(),
        kind: found.r#type.clone(),
        used_bytes: found.used_bytes,
        total_bytes: found.total_bytes,
    };
    RemoteFigures {
        running: matches!(stats.power(), proto::Power::Running | proto::Power::ShuttingDown),
        state: live::power_word(stats.power()).to_owned(),
        cpu: (stats.cpu_percent * 100.0).round() / 100.0,
        memory: RemoteMemory {
            actual: stats.memory_actual_kib,
            unused: stats.memory_unused_kib,
            available: stats.memory_available_kib,
            rss: stats.memory_rss_kib,
        },
        disk: stats.disks.iter().map(|(target, stats)| (target.clone(), disk(stats))).collect(),
        interfaces: stats.interfaces.iter().map(|(tag, stats)| (tag.clone(), interface(stats))).collect(),
        agent: RemoteAgent { fsinfo: stats.filesystems.iter().map(filesystem).collect() },
        drift: some(&stats.drift),
        sampled: Some(time::offset(live.sampled_at)),
    }
}

/// What the guest's agent said of its system; empty without one.
pub fn guest_os(live: &LiveServer) -> ServerGuestOs {
    let screen = live.screen.as_ref().map(ToString::to_string);
    let Some(os) = live.stats.guest_os.as_ref() else { return ServerGuestOs { screen, ..Default::default() } };
    ServerGuestOs {
        id: some(&os.id),
        pretty_name: some(&os.pretty_name),
        kernel_release: some(&os.kernel_release),
        version: some(&os.version),
        img: None,
        screen,
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
