//! What passed each interface, counted for good: the kernel's counters begin anew with a boot of the node or when
//! somebody flushes the tables, so their readings are added up in a file. Totals are told, not differences: one that is
//! told twice, or never, changes nothing about the next.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use berth_proto::{self as proto, event::What};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{agent::Agent, filters_apply, ledger::file::replace, names};

/// The kernel is read this often: what passes between the last reading and a power cut is not counted.
const READ_EVERY: Duration = Duration::from_secs(5);
/// Readings between two reports to the control server.
const READINGS_A_REPORT: u32 = 12;
/// Interfaces that one event tells of, so that the control server's transactions stay short.
const INTERFACES_AN_EVENT: usize = 250;
const FILE: &str = "traffic.json";

/// What is kept on disk.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Totals {
    epoch: String,
    /// The boot in which the kernel was last read.
    boot_id: String,
    /// By tag.
    interfaces: BTreeMap<String, Counted>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Counted {
    /// As the kernel said last.
    seen: (u64, u64),
    /// Towards the guest and from it.
    total: (u64, u64),
    told: (u64, u64),
}

impl Totals {
    /// As they were kept; `fresh` names a new epoch where nothing is there.
    pub fn open(dir: &std::path::Path, fresh: &str) -> Self {
        let read = std::fs::read(dir.join(FILE)).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        read.unwrap_or_else(|| Self { epoch: fresh.to_owned(), ..Self::default() })
    }

    /// Takes a reading in; true where something changed.
    pub fn read(&mut self, boot_id: &str, readings: &BTreeMap<String, (u64, u64)>) -> bool {
        let new_boot = self.boot_id != boot_id;
        let mut changed = new_boot;
        boot_id.clone_into(&mut self.boot_id);
        for (tag, now) in readings {
            let of = self.interfaces.entry(tag.clone()).or_default();
            let seen = if new_boot { (0, 0) } else { of.seen };
            // Less than before: the counter was made anew.
            let more = |now: u64, seen: u64| if now >= seen { now - seen } else { now };
            of.total.0 += more(now.0, seen.0);
            of.total.1 += more(now.1, seen.1);
            changed |= of.seen != *now;
            of.seen = *now;
        }
        for (tag, of) in &mut self.interfaces {
            if !readings.contains_key(tag) && of.seen != (0, 0) {
                of.seen = (0, 0);
                changed = true;
            }
        }
        changed
    }

    /// What was not told yet, in events; from then on it counts as told. Interfaces that are gone are forgotten once
    /// everything of them was told.
    pub fn report(&mut self, is_known: impl Fn(&str) -> bool) -> Vec<proto::TrafficCounted> {
        let new = self.interfaces.iter_mut().filter(|(_, of)| of.total != of.told);
        let new: Vec<proto::InterfaceTraffic> = new
            .map(|(tag, of)| {
                of.told = of.total;
                proto::InterfaceTraffic { tag: tag.clone(), in_bytes: of.total.0, out_bytes: of.total.1 }
            })
            .collect();
        self.interfaces.retain(|tag, of| of.total != of.told || of.seen != (0, 0) || is_known(tag));
        let event = |some: &[proto::InterfaceTraffic]| proto::TrafficCounted {
            epoch: self.epoch.clone(),
            interfaces: some.to_vec(),
        };
        new.chunks(INTERFACES_AN_EVENT).map(event).collect()
    }

    pub fn save(&self, dir: &std::path::Path) -> std::io::Result<()> {
        replace(dir, FILE, &serde_json::to_vec(self)?)
    }
}

/// Until the agent ends.
pub async fn run(agent: Arc<Agent>, shutdown: CancellationToken) {
    let dir: PathBuf = agent.paths.data_dir().to_owned();
    let mut totals = Totals::open(&dir, &format!("{}-{}", agent.node_uuid, agent.clock.now_us()));
    let mut readings = 0;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(READ_EVERY) => {}
        }
        readings += 1;
        take(&agent, &dir, &mut totals, readings % READINGS_A_REPORT == 0).await;
    }
    take(&agent, &dir, &mut totals, true).await;
}

async fn take(agent: &Agent, dir: &std::path::Path, totals: &mut Totals, report: bool) {
    let instance = &agent.config.instance;
    let counted = match filters_apply::counted(&agent.netns, instance).await {
        Ok(counted) => counted,
        Err(error) => return tracing::warn!(%error, "traffic can't be read; the next reading has it"),
    };
    let by_tag = counted.into_iter().filter_map(|(tap, bytes)| Some((tap.strip_prefix(instance)?.to_owned(), bytes)));
    let mut changed = totals.read(&agent.boot_id, &by_tag.collect());
    let events = if report { totals.report(|tag| is_known(agent, tag)) } else { Vec::new() };
    changed |= !events.is_empty();
    // In the outbox before the file says that they were told: told twice is no mistake.
    for event in events {
        agent.outbox.push(agent.clock.now_us(), "", What::Traffic(event));
    }
    if changed && let Err(error) = totals.save(dir) {
        tracing::error!(%error, "the traffic's totals can't be written");
    }
}

/// Whether a server of the ledger has an interface of that tag.
fn is_known(agent: &Agent, tag: &str) -> bool {
    let tap = names::tap(&agent.config.instance, tag);
    let has = |spec: &proto::ServerSpec| {
        spec.interfaces.iter().any(|interface| names::tap(&agent.config.instance, &interface.tag) == tap)
    };
    agent.ledger.all().iter().filter(|entry| !entry.evicted).any(|entry| entry.spec().as_ref().is_some_and(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(bytes: &[(&str, u64, u64)]) -> BTreeMap<String, (u64, u64)> {
        bytes.iter().map(|(tag, inward, out)| ((*tag).to_owned(), (*inward, *out))).collect()
    }

    fn told(totals: &mut Totals) -> Vec<(String, u64, u64)> {
        let events = totals.report(|tag| tag == "1");
        events.into_iter().flat_map(|event| event.interfaces).map(|of| (of.tag, of.in_bytes, of.out_bytes)).collect()
    }

    #[test]
    fn nothing_is_lost_or_counted_twice_over_flushes_kills_and_reboots() {
        let dir = tempfile::tempdir().unwrap();
        let mut totals = Totals::open(dir.path(), "one");
        assert!(totals.read("boot-1", &reading(&[("1", 100, 10), ("2", 5, 5)])));
        assert!(!totals.read("boot-1", &reading(&[("1", 100, 10), ("2", 5, 5)])), "nothing new");
        assert_eq!(told(&mut totals), [("1".to_owned(), 100, 10), ("2".to_owned(), 5, 5)]);
        assert_eq!(told(&mut totals), []);
        totals.save(dir.path()).unwrap();

        let mut totals = Totals::open(dir.path(), "two");
        totals.read("boot-1", &reading(&[("1", 150, 20), ("2", 5, 5)]));
        assert_eq!(told(&mut totals), [("1".to_owned(), 150, 20)], "the agent was killed");
        totals.read("boot-1", &reading(&[("1", 30, 3)]));
        assert_eq!(told(&mut totals), [("1".to_owned(), 180, 23)], "the tables were flushed");
        totals.read("boot-2", &reading(&[("1", 1_000, 3)]));
        assert_eq!(told(&mut totals), [("1".to_owned(), 1_180, 26)], "the node booted, and was busy at once");
        assert!(!totals.interfaces.contains_key("2"), "gone, and everything of it was told");
        assert_eq!(totals.epoch, "one");
    }

    #[test]
    fn a_lost_file_is_another_epoch() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), b"{").unwrap();
        assert_eq!(Totals::open(dir.path(), "two").epoch, "two");
    }

    #[test]
    fn many_interfaces_are_told_in_several_events() {
        let mut totals = Totals::default();
        let many: BTreeMap<_, _> = (0..600_u64).map(|tag| (format!("{tag:010}"), (tag + 1, 0))).collect();
        totals.read("boot", &many);
        let events = totals.report(|_| true);
        assert_eq!(events.iter().map(|event| event.interfaces.len()).collect::<Vec<_>>(), [250, 250, 100]);
    }
}
