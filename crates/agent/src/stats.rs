//! Live figures: libvirt's for all guests in one call, the node's from the kernel, and what guests say of themselves
//! looked up slowly and aside.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use berth_proto::{self as proto, event::What};
use tokio::time::Instant;

use crate::{
    agent::Agent,
    guest_agent,
    ledger::Entry,
    libvirt::{HostError, State, stats::Figures},
    names, service, uplinks,
};

/// How often a guest is asked for its file systems and its name.
const ASK_GUEST: Duration = Duration::from_secs(15);
/// A guest that did not answer is asked again sooner: it may be booting.
const ASK_SILENT_GUEST: Duration = Duration::from_secs(3);

/// By their targets, `vda` and so on.
type Disks = HashMap<String, proto::DiskStats>;

/// Keeps what differences are made from.
#[derive(Default)]
pub struct Sampler {
    guests: HashMap<String, (Instant, u64)>,
    waits: HashMap<String, (Instant, u64)>,
    node: Option<Ticks>,
    disks: HashMap<String, Disks>,
    said: Arc<Mutex<HashMap<String, Said>>>,
    /// Numbers of the pictures that were told.
    screens: HashMap<String, u64>,
}

/// What a guest last said of itself.
#[derive(Clone, Default)]
struct Said {
    asked: Option<Instant>,
    up: bool,
    filesystems: Vec<proto::GuestFilesystem>,
    os: Option<proto::GuestOs>,
}

impl Sampler {
    pub async fn sample(&mut self, agent: &Arc<Agent>) -> Result<proto::StatsSample, HostError> {
        let instance = &agent.config.instance;
        let figures = agent.libvirt.figures(&format!("{instance}-")).await?;
        let mut servers = Vec::with_capacity(figures.len());
        for figures in figures {
            let Some(uuid) = names::server_of_domain(instance, &figures.name) else { continue };
            let Some(entry) = agent.ledger.get(uuid) else { continue };
            servers.push(self.server(agent, &entry, &figures));
        }
        let node = self.node(agent);
        Ok(proto::StatsSample { at_us: agent.clock.now_us(), node: Some(node), servers })
    }

    fn server(&mut self, agent: &Arc<Agent>, entry: &Entry, figures: &Figures) -> proto::ServerStats {
        let uuid = entry.server_uuid.as_str();
        let tags: Vec<String> =
            entry.spec().map(|spec| spec.interfaces.into_iter().map(|i| i.tag).collect()).unwrap_or_default();
        let power = service::power(agent, entry, state(figures));
        let running = power == proto::Power::Running;
        let said = if running { self.ask(agent, uuid) } else { self.forget(agent, uuid) };
        proto::ServerStats {
            server_uuid: uuid.to_owned(),
            power: power.into(),
            cpu_percent: percent(&mut self.guests, uuid, figures.number("cpu.time"), running),
            cpu_steal_percent: self.steal_percent(uuid, figures.waited(), running),
            memory_actual_kib: figures.number("balloon.current"),
            memory_unused_kib: figures.number("balloon.unused"),
            memory_available_kib: figures.number("balloon.available"),
            memory_rss_kib: figures.number("balloon.rss"),
            disks: self.disks(uuid, figures),
            interfaces: interfaces(&agent.config.instance, figures, &tags),
            filesystems: said.filesystems,
            guest_os: said.os,
            screen_png: self.new_screen(agent, uuid),
            drift: agent.status(uuid).drift,
        }
    }

    /// Empty where it was told already.
    fn new_screen(&mut self, agent: &Agent, uuid: &str) -> Vec<u8> {
        match agent.screens.of(uuid) {
            None => {
                self.screens.remove(uuid);
                Vec::new()
            }
            Some(screen) if self.screens.insert(uuid.to_owned(), screen.number) == Some(screen.number) => Vec::new(),
            Some(screen) => screen.png.to_vec(),
        }
    }

    /// Of the time between two samples; 100 where all of its processors waited all the time.
    fn steal_percent(&mut self, uuid: &str, (waited_ns, vcpus): (u64, u64), running: bool) -> f64 {
        percent(&mut self.waits, uuid, waited_ns / vcpus.max(1), running).min(100.0)
    }

    /// Those of the last look where libvirt tells none now.
    fn disks(&mut self, uuid: &str, figures: &Figures) -> Disks {
        if figures.numbers.contains_key("block.count") {
            self.disks.insert(uuid.to_owned(), disks(figures));
        }
        self.disks.get(uuid).cloned().unwrap_or_default()
    }

    fn known(&self, uuid: &str) -> Said {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).get(uuid).cloned().unwrap_or_default()
    }

    fn forget(&self, agent: &Agent, uuid: &str) -> Said {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(uuid);
        agent.set_status(uuid, |status| status.guest_agent = false);
        Said::default()
    }

    /// Answers what is known and asks anew, off this path, when that is old.
    fn ask(&self, agent: &Arc<Agent>, uuid: &str) -> Said {
        let known = self.known(uuid);
        let pause = if known.up { ASK_GUEST } else { ASK_SILENT_GUEST };
        if known.asked.is_some_and(|asked| asked.elapsed() < pause) {
            return known;
        }
        let asked = Said { asked: Some(Instant::now()), ..known.clone() };
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(uuid.to_owned(), asked);
        let (agent, said, uuid) = (Arc::clone(agent), Arc::clone(&self.said), uuid.to_owned());
        tokio::spawn(async move {
            let name = agent.domain(&uuid);
            let up = guest_agent::answers(&agent.libvirt, &name).await;
            let (filesystems, os) = if up {
                (guest_agent::filesystems(&agent.libvirt, &name).await, guest_agent::os(&agent.libvirt, &name).await)
            } else {
                (Vec::new(), None)
            };
            let was_up = agent.status(&uuid).guest_agent;
            agent.set_status(&uuid, |status| status.guest_agent = up);
            if up && !was_up {
                agent.outbox.push(agent.clock.now_us(), &uuid, What::GuestUp(proto::GuestUp {}));
            }
            let fresh = Said { asked: Some(Instant::now()), up, filesystems, os };
            said.lock().unwrap_or_else(PoisonError::into_inner).insert(uuid, fresh);
        });
        known
    }

    fn node(&mut self, agent: &Agent) -> proto::NodeStats {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let now = cpu_ticks(&read("/proc/stat"));
        let before = self.node.replace(now);
        let of_time = |ticks: fn(&Ticks) -> u64| {
            let before = before.as_ref().filter(|before| now.total > before.total);
            before.map_or(0.0, |before| {
                ticks(&now).saturating_sub(ticks(before)) as f64 / (now.total - before.total) as f64 * 100.0
            })
        };
        let meminfo = read("/proc/meminfo");
        let bridges = agent.config.networks.iter().map(|network| network.bridge.as_str());
        let (ipv4, ipv6) = (read(uplinks::ROUTES_IPV4), read(uplinks::ROUTES_IPV6));
        let network = uplinks::traffic(Path::new(uplinks::SYS_CLASS_NET), &ipv4, &ipv6, bridges);
        proto::NodeStats {
            cpu_percent: of_time(|ticks| ticks.busy),
            cpu_steal_percent: of_time(|ticks| ticks.stolen),
            memory_total_kib: meminfo_kib(&meminfo, "MemTotal:"),
            memory_available_kib: meminfo_kib(&meminfo, "MemAvailable:"),
            load_1m: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
            storage: agent.storage_roots(),
            network_rx_bytes: network.rx_bytes,
            network_tx_bytes: network.tx_bytes,
        }
    }
}

/// What grew between two samples, as a part of the time that passed: 100 for one second each second.
fn percent(samples: &mut HashMap<String, (Instant, u64)>, uuid: &str, ns: u64, running: bool) -> f64 {
    let now = Instant::now();
    let before = samples.insert(uuid.to_owned(), (now, ns));
    match before {
        Some((then, before_ns)) if running && ns >= before_ns => {
            let passed_ns = now.duration_since(then).as_nanos().max(1);
            let percent = (ns - before_ns) as f64 / passed_ns as f64 * 100.0;
            (percent * 10.0).round() / 10.0
        }
        _ => 0.0,
    }
}

/// Time of all cores since the node's boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    /// Given to others by the node's own host.
    stolen: u64,
    total: u64,
}

/// From the first line of `/proc/stat`.
fn cpu_ticks(stat: &str) -> Ticks {
    let numbers: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|n| n.parse().ok())
        .collect();
    let total: u64 = numbers.iter().sum();
    let idle: u64 = numbers.iter().skip(3).take(2).sum();
    let stolen = numbers.get(7).copied().unwrap_or(0);
    Ticks { busy: total - idle, stolen, total }
}

fn meminfo_kib(meminfo: &str, field: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

fn state(figures: &Figures) -> State {
    let number = |field: &str| figures.number(field).try_into().unwrap_or_default();
    State::of(number("state.state"), i32::try_from(figures.number("state.reason")).unwrap_or_default())
}

fn disks(figures: &Figures) -> Disks {
    let count = figures.number("block.count");
    let disk = |place: u64| {
        let number = |field: &str| figures.number(&format!("block.{place}.{field}"));
        let stats = proto::DiskStats {
            read_bytes: number("rd.bytes"),
            write_bytes: number("wr.bytes"),
            read_requests: number("rd.reqs"),
            write_requests: number("wr.reqs"),
        };
        (figures.text(&format!("block.{place}.name")).to_owned(), stats)
    };
    // The seed is a CD-ROM (`sda`), not a disk of the customer's.
    (0..count).map(disk).filter(|(target, _)| target.starts_with("vd")).collect()
}

/// libvirt turns the tap's counters round, so these are from the guest's side.
fn interfaces(instance: &str, figures: &Figures, tags: &[String]) -> HashMap<String, proto::InterfaceStats> {
    let count = figures.number("net.count");
    let interface = |place: u64| {
        let number = |field: &str| figures.number(&format!("net.{place}.{field}"));
        let name = figures.text(&format!("net.{place}.name"));
        let tag = tags.iter().find(|tag| names::tap(instance, tag) == name)?;
        let stats = proto::InterfaceStats {
            rx_bytes: number("rx.bytes"),
            tx_bytes: number("tx.bytes"),
            rx_packets: number("rx.pkts"),
            tx_packets: number("tx.pkts"),
        };
        Some((tag.clone(), stats))
    };
    (0..count).filter_map(interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Between two samples: so much that what the test itself takes is rounded away.
    const PASSED: Duration = Duration::from_secs(10_000);

    #[test]
    fn steal_is_the_part_of_the_time_that_a_guests_processors_waited() {
        let ns = |seconds: u64| seconds * 1_000_000_000;
        let steal = |before_s: u64, (waited_s, vcpus): (u64, u64), running: bool| {
            let mut sampler = Sampler::default();
            sampler.waits.insert("a".to_owned(), (Instant::now() - PASSED, ns(before_s)));
            sampler.steal_percent("a", (ns(waited_s), vcpus), running)
        };
        assert_eq!(steal(0, (2_500, 1), true), 25.0);
        assert_eq!(steal(0, (5_000, 2), true), 25.0, "of each of its processors");
        assert_eq!(steal(1_000, (3_500, 1), true), 25.0, "since the sample before");
        assert_eq!(steal(0, (0, 4), true), 0.0);
        assert_eq!(steal(0, (30_000, 2), true), 100.0, "no more than all of the time");
        assert_eq!(steal(3_000, (1_000, 1), true), 0.0, "it was started anew");
        assert_eq!(steal(0, (2_500, 1), false), 0.0, "it is off");
        assert_eq!(steal(0, (2_500, 0), true), 25.0, "libvirt told of none of its processors");

        let mut sampler = Sampler::default();
        assert_eq!(sampler.steal_percent("a", (ns(5), 1), true), 0.0, "one sample is no difference");
        sampler.waits.insert("a".to_owned(), (Instant::now() - PASSED, 0));
        assert_eq!(sampler.steal_percent("b", (ns(2_500), 1), true), 0.0, "another's");
        assert_eq!(sampler.steal_percent("a", (ns(2_500), 1), true), 25.0);
    }

    #[test]
    fn what_a_guests_processors_waited_is_summed_over_all_of_them() {
        let mut seen = Figures::default();
        let told = [("vcpu.0.delay", 3), ("vcpu.0.time", 70), ("vcpu.1.delay", 5), ("vcpu.current", 2)];
        seen.numbers.extend(told.map(|(field, ns)| (field.to_owned(), ns)));
        assert_eq!(seen.waited(), (8, 2));
        assert_eq!(Figures::default().waited(), (0, 0));
    }

    #[test]
    fn disks_have_the_figures_of_the_last_look_where_there_is_none_now() {
        let mut sampler = Sampler::default();
        let mut seen = Figures::default();
        assert!(sampler.disks("a", &seen).is_empty());
        seen.numbers.extend([("block.count".to_owned(), 1), ("block.0.rd.bytes".to_owned(), 7)]);
        seen.texts.insert("block.0.name".to_owned(), "vda".to_owned());
        assert_eq!(sampler.disks("a", &seen)["vda"].read_bytes, 7);
        assert_eq!(sampler.disks("a", &Figures::default())["vda"].read_bytes, 7);
        assert!(sampler.disks("b", &Figures::default()).is_empty());
    }
}
