//! Live figures of nodes and servers, kept in memory only: each node streams them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, RwLock},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use berth_proto as proto;
use berth_store::{
    Micros,
    entity::{hypervisor, server},
};
use uuid::Uuid;

use crate::clock::SECOND;

/// Figures that came longer ago are not live: their node is frozen, or its libvirt is. Nodes send some every two seconds.
pub const FRESH_FOR: Micros = 5 * SECOND;
/// Of a guest's picture; the node makes far smaller ones.
const SCREEN_LIMIT_BYTES: usize = 64 << 10;
const KIB_A_MIB: u64 = 1024;

/// The newest sample of each node, and what it says of each server.
#[derive(Default)]
pub struct Live {
    state: RwLock<State>,
}

/// A picture is told once, and holds until the next one or until the guest is off.
fn screen(stats: &mut proto::ServerStats, before: Option<&LiveServer>) -> Option<Arc<str>> {
    let png = std::mem::take(&mut stats.screen_png);
    match stats.power() {
        proto::Power::Running | proto::Power::Paused | proto::Power::ShuttingDown => {}
        _ => return None,
    }
    match png.len() {
        0 => before.and_then(|before| before.screen.clone()),
        1..=SCREEN_LIMIT_BYTES => Some(BASE64.encode(png).into()),
        _ => None,
    }
}

const UNKNOWN: &str = "unknown";

fn is_fresh(sampled_at: Micros, now: Micros) -> bool {
    now - sampled_at <= FRESH_FOR
}

/// As the APIs say it.
pub fn power_word(power: proto::Power) -> &'static str {
    match power {
        proto::Power::Unspecified => UNKNOWN,
        proto::Power::Absent | proto::Power::Off => "off",
        proto::Power::Running => "running",
        proto::Power::Paused => "paused",
        proto::Power::Crashed => "crashed",
        proto::Power::ShuttingDown => "shutdown",
    }
}

#[derive(Default)]
struct State {
    /// Nodes whose stream is open.
    heard: HashSet<Uuid>,
    nodes: HashMap<Uuid, (proto::NodeStats, Micros)>,
    servers: HashMap<Uuid, LiveServer>,
}

/// What a node last said of a server.
#[derive(Clone, Debug)]
pub struct LiveServer {
    pub node: Uuid,
    /// Without the picture, which is below.
    pub stats: proto::ServerStats,
    /// What the guest shows: a small PNG in base64.
    pub screen: Option<Arc<str>>,
    /// By this server's clock, when the sample came.
    pub sampled_at: Micros,
    /// What it used of processors since somebody last asked.
    cpu: CpuUse,
}

/// What people are told of a guest that runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Of all its cores, 0 to 100.
    pub cpu_percent: f64,
    /// As the guest counts it; `None` where it does not say.
    pub memory_used_mib: Option<u64>,
    pub memory_mib: Option<u64>,
    /// Of its file systems together; `None` where the guest does not say.
    pub disk_used_bytes: Option<u64>,
    pub disk_bytes: Option<u64>,
    /// Since the guest was started.
    pub in_bytes: u64,
    pub out_bytes: u64,
    pub sampled_at: Micros,
}

impl LiveServer {
    pub fn figures(&self, cores: i64) -> Figures {
        let proto::ServerStats {
            cpu_percent, memory_unused_kib, memory_available_kib, interfaces, filesystems, ..
        } = &self.stats;
        let known = *memory_available_kib > 0;
        let total = |of: fn(&proto::GuestFilesystem) -> u64| {
            (!filesystems.is_empty()).then(|| filesystems.iter().map(of).sum::<u64>())
        };
        let cores = u32::try_from(cores).unwrap_or(1).max(1);
        Figures {
            cpu_percent: (cpu_percent / f64::from(cores) * 10.0).round() / 10.0,
            memory_used_mib: known.then(|| memory_available_kib.saturating_sub(*memory_unused_kib) / KIB_A_MIB),
            memory_mib: known.then_some(memory_available_kib / KIB_A_MIB),
            disk_used_bytes: total(|one| one.used_bytes),
            disk_bytes: total(|one| one.total_bytes),
            in_bytes: interfaces.values().map(|one| one.rx_bytes).sum(),
            out_bytes: interfaces.values().map(|one| one.tx_bytes).sum(),
            sampled_at: self.sampled_at,
        }
    }
}

/// Of samples, 100 for each processor in full use.
#[derive(Clone, Copy, Debug, Default)]
struct CpuUse {
    percent_sum: f64,
    samples: u32,
}

impl CpuUse {
    fn and(self, percent: f64) -> Self {
        Self { percent_sum: self.percent_sum + percent, samples: self.samples.saturating_add(1) }
    }
}

impl Live {
    /// Takes a sample; servers that it no longer has are forgotten.
    pub fn store(&self, node: Uuid, sample: proto::StatsSample, now: Micros) {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before: HashMap<Uuid, LiveServer> = state.servers.extract_if(|_, server| server.node == node).collect();
        state.heard.insert(node);
        for mut stats in sample.servers {
            let Ok(uuid) = Uuid::parse_str(&stats.server_uuid) else { continue };
            let screen = screen(&mut stats, before.get(&uuid));
            let cpu = before.get(&uuid).map(|before| before.cpu).unwrap_or_default().and(stats.cpu_percent);
            state.servers.insert(uuid, LiveServer { node, stats, screen, sampled_at: now, cpu });
        }
        if let Some(stats) = sample.node {
            state.nodes.insert(node, (stats, now));
        }
    }

    /// The node's stream was cut: what it said is no longer live.
    pub fn node_gone(&self, node: Uuid) {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.servers.retain(|_, server| server.node != node);
        state.nodes.remove(&node);
        state.heard.remove(&node);
    }

    /// What is live of a server at `now`: nothing older than [`FRESH_FOR`].
    pub fn server(&self, uuid: Uuid, now: Micros) -> Option<LiveServer> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.servers.get(&uuid).filter(|server| is_fresh(server.sampled_at, now)).cloned()
    }

    /// The word for a server's power at `now`. What events said holds as long as its node tells figures, and for a
    /// server that was never built; a node that is silent may have lost any other.
    pub fn power(&self, row: &server::Model, node: &hypervisor::Model, now: Micros) -> String {
        if let Some(live) = self.server(row.uuid, now) {
            return power_word(live.stats.power()).to_owned();
        }
        let is_told = self.node(node.uuid).is_some_and(|(_, at)| is_fresh(at, now));
        let was_never_on = row.built_at.is_none() && row.power == "off";
        if is_told || was_never_on { row.power.clone() } else { UNKNOWN.to_owned() }
    }

    /// What a server used of processors on average since this was last asked, 100 for each in full use. `None` where
    /// nothing was told of it.
    pub fn take_cpu(&self, uuid: Uuid) -> Option<f64> {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let CpuUse { percent_sum, samples } = std::mem::take(&mut state.servers.get_mut(&uuid)?.cpu);
        (samples > 0).then(|| percent_sum / f64::from(samples))
    }

    /// Whether the node's figures arrive.
    pub fn hears(&self, node: Uuid) -> bool {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.heard.contains(&node)
    }

    /// How many nodes' figures arrive.
    pub fn heard(&self) -> usize {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner).heard.len()
    }

    /// When the sample came that is the oldest of the nodes' newest.
    pub fn oldest_sample(&self) -> Option<Micros> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.nodes.values().map(|(_, at)| *at).min()
    }

    /// Guests of which it is known at `now` that they run.
    pub fn running(&self, now: Micros) -> usize {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let running = i32::from(proto::Power::Running);
        let runs = |server: &&LiveServer| server.stats.power == running && is_fresh(server.sampled_at, now);
        state.servers.values().filter(runs).count()
    }

    pub fn node(&self, uuid: Uuid) -> Option<(proto::NodeStats, Micros)> {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner).nodes.get(&uuid).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_of_processors_is_averaged_since_the_last_look() {
        let (live, node, uuid) = (Live::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let tell = |cpu_percent: f64| {
            let stats = proto::ServerStats { server_uuid: uuid.to_string(), cpu_percent, ..Default::default() };
            live.store(node, proto::StatsSample { servers: vec![stats], ..Default::default() }, 1);
        };
        assert_eq!(live.take_cpu(uuid), None);
        [100.0, 200.0, 30.0].into_iter().for_each(tell);
        assert_eq!((live.take_cpu(uuid), live.take_cpu(uuid)), (Some(110.0), None));
        tell(7.0);
        assert_eq!(live.take_cpu(uuid), Some(7.0));
        live.node_gone(node);
        assert_eq!(live.take_cpu(uuid), None);
    }

    #[test]
    fn a_picture_holds_until_the_next_or_until_the_guest_is_off() {
        let (live, node, uuid) = (Live::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let tell = |png: &[u8], power: proto::Power| {
            let stats = proto::ServerStats {
                server_uuid: uuid.to_string(),
                power: power.into(),
                screen_png: png.to_vec(),
                ..Default::default()
            };
            live.store(node, proto::StatsSample { servers: vec![stats], ..Default::default() }, 1);
            let server = live.server(uuid, 1).unwrap();
            assert!(server.stats.screen_png.is_empty(), "it is kept once");
            server.screen.map(|screen| screen.to_string())
        };
        assert_eq!(tell(b"", proto::Power::Running), None);
        assert_eq!(tell(b"one", proto::Power::Running).as_deref(), Some("b25l"));
        assert_eq!(tell(b"", proto::Power::Paused).as_deref(), Some("b25l"));
        assert_eq!(tell(b"two", proto::Power::Running).as_deref(), Some("dHdv"));
        assert_eq!(tell(&[0; SCREEN_LIMIT_BYTES + 1], proto::Power::Running), None, "no picture is that large");
        tell(b"two", proto::Power::Running);
        assert_eq!(tell(b"", proto::Power::Off), None);
        assert_eq!(tell(b"", proto::Power::Running), None, "it shows something else now");
    }

    #[test]
    fn figures_are_live_for_five_seconds() {
        let (live, node, uuid) = (Live::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let power = proto::Power::Running.into();
        let stats = proto::ServerStats { server_uuid: uuid.to_string(), power, ..Default::default() };
        live.store(node, proto::StatsSample { servers: vec![stats], ..Default::default() }, 7);
        let at = |now: Micros| (live.server(uuid, now).is_some(), live.running(now));
        assert_eq!((at(7), at(7 + 5 * SECOND), at(8 + 5 * SECOND)), ((true, 1), (true, 1), (false, 0)));
    }
}
