//! Figures of nodes and of their storages over time: live samples become a row a minute, and old rows become averages
//! of a quarter of an hour.
//!
//! Every control server that watches a node averages for itself, and whoever is first writes the minute.

mod storage;

use berth_proto::{NodeStats, StorageRoot};
use berth_store::{
    Micros,
    entity::hypervisor_metric as entity,
    hypervisor_metric::{self, BUCKET_S, Figures, MINUTE_S},
    storage_metric, storage_point,
};

use crate::{
    Context, Error,
    clock::{DAY, MINUTE, SECOND},
    storage_reports::{TOLD_LIMIT, is_of},
};

pub use storage::read as read_storage;

/// How long there is a row for each minute.
pub const MINUTES_KEPT: Micros = DAY;
/// How long there are averages.
pub const AVERAGES_KEPT: Micros = 28 * DAY;

/// The minute of one node that is going on.
#[derive(Default)]
pub struct Collector {
    minute: Option<Minute>,
    /// When the minute before ended, and what was told then.
    before: Option<(Micros, NodeStats)>,
}

/// A minute that is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    /// Its beginning.
    pub at: Micros,
    pub node: Figures,
    pub storage: Vec<(StorageRoot, storage_metric::Figures)>,
}

struct Minute {
    at: Micros,
    samples: f64,
    cpu: f64,
    load: f64,
    /// The newest.
    last: NodeStats,
    last_at: Micros,
}

impl Collector {
    /// Takes a sample. The first one of a new minute answers what the minute before was like.
    pub fn add(&mut self, stats: &NodeStats, now: Micros) -> Option<Ended> {
        let at = now - now.rem_euclid(MINUTE);
        if let Some(minute) = self.minute.as_mut().filter(|minute| minute.at == at) {
            minute.samples += 1.0;
            minute.cpu += sound(stats.cpu_percent);
            minute.load += sound(stats.load_1m);
            minute.last = stats.clone();
            minute.last_at = now;
            return None;
        }
        if self.before.is_none() {
            self.before = Some((now, stats.clone()));
        }
        let (cpu, load) = (sound(stats.cpu_percent), sound(stats.load_1m));
        let begun = Minute { at, samples: 1.0, cpu, load, last: stats.clone(), last_at: now };
        let ended = self.minute.replace(begun)?;
        let before = self.before.take();
        let before = before.as_ref().map(|(at, stats)| (*at, stats));
        let (node, storage) = (ended.figures(before), ended.storage(before));
        self.before = Some((ended.last_at, ended.last));
        Some(Ended { at: ended.at, node, storage })
    }
}

impl Minute {
    fn figures(&self, before: Option<(Micros, &NodeStats)>) -> Figures {
        let last = &self.last;
        let root = last.storage.iter().find(|root| root.is_default).or(last.storage.first());
        let (total, free) = root.map_or((0, 0), |root| (number(root.total_bytes), number(root.free_bytes)));
        let before = before.map(|(at, stats)| (at, counters(stats)));
        let [network_in_bytes_s, network_out_bytes_s] = rates(before, (self.last_at, counters(last)), 1);
        Figures {
            cpu_centipercent: hundredths(self.cpu / self.samples),
            load_centi: hundredths(self.load / self.samples),
            memory_total_kib: number(last.memory_total_kib),
            memory_used_kib: number(last.memory_total_kib.saturating_sub(last.memory_available_kib)),
            storage_total_bytes: total,
            storage_used_bytes: (total - free).max(0),
            network_in_bytes_s,
            network_out_bytes_s,
        }
    }

    /// Of each of its storages that can be used.
    fn storage(&self, before: Option<(Micros, &NodeStats)>) -> Vec<(StorageRoot, storage_metric::Figures)> {
        let known = self.last.storage.iter().filter(|root| root.trouble.is_empty()).take(TOLD_LIMIT);
        let figures = |root: &StorageRoot| {
            let same = |was: &&StorageRoot| (&was.kind, &was.path) == (&root.kind, &root.path);
            let was = before.and_then(|(at, stats)| Some((at, stats.storage.iter().find(same)?)));
            (root.clone(), storage::figures(was, (self.last_at, root)))
        };
        known.map(figures).collect()
    }
}

fn counters(stats: &NodeStats) -> [u64; 2] {
    [stats.network_rx_bytes, stats.network_tx_bytes]
}

/// What was counted a second since then, in parts of which `scale` make one. A counter that fell began anew with the
/// node, and tells nothing.
fn rates<const N: usize>(
    before: Option<(Micros, [u64; N])>,
    (now, counters): (Micros, [u64; N]),
    scale: u32,
) -> [i64; N] {
    let Some((then, was)) = before.filter(|(then, _)| *then < now) else { return [0; N] };
    let rate = |was: u64, is: u64| {
        let grown = u128::from(is.saturating_sub(was)) * u128::from(scale);
        i64::try_from(grown * 1_000_000 / u128::from((now - then).unsigned_abs())).unwrap_or(i64::MAX)
    };
    std::array::from_fn(|at| rate(was[at], counters[at]))
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Within what a node can have, whatever it says.
fn sound(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, 1e6) } else { 0.0 }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by `sound`")]
fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}

/// Writes a minute, if nobody has. A database that is away costs that minute and nothing else.
pub async fn write(ctx: &Context, hypervisor_id: i64, minute: Ended) {
    let written = ctx.store.write_tx::<_, Error>(|tx| {
        let Ended { at, node, storage } = minute.clone();
        Box::pin(async move {
            if !hypervisor_metric::insert(tx, hypervisor_id, at, node).await? {
                return Ok(());
            }
            let points = storage_point::of_hypervisors(tx, &[hypervisor_id]).await?;
            let told = points.iter().filter_map(|point| {
                let (_, figures) = storage.iter().find(|(root, _)| is_of(root, point))?;
                Some((point.id, *figures))
            });
            Ok(storage_metric::insert(tx, hypervisor_id, at, told.collect()).await?)
        })
    });
    if let Err(error) = written.await {
        tracing::warn!(node = hypervisor_id, %error, "a minute of the node's figures is lost");
    }
}

/// Averages what is old and forgets what is older.
pub async fn tidy(ctx: &Context) -> Result<(), Error> {
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            Box::pin(async move {
                let minutes_end = hypervisor_metric::bucket(now - MINUTES_KEPT);
                hypervisor_metric::average(tx, minutes_end).await?;
                storage_metric::average(tx, minutes_end).await?;
                hypervisor_metric::trim(tx, now - AVERAGES_KEPT).await?;
                Ok(storage_metric::trim(tx, now - AVERAGES_KEPT).await?)
            })
        })
        .await
}

/// From when on the last `minutes` are, and whether each has a row of its own. Beyond a day all are averages, so that
/// they can be drawn as one line.
fn window(now: Micros, minutes: i64) -> (Micros, bool) {
    let from = now - minutes * MINUTE;
    let by_minute = minutes * MINUTE <= MINUTES_KEPT;
    (if by_minute { from - from.rem_euclid(MINUTE) } else { hypervisor_metric::bucket(from) }, by_minute)
}

/// A node's figures of the last `minutes`, oldest first, and how many seconds each is the average of.
pub async fn read(ctx: &Context, hypervisor_id: i64, minutes: i64) -> Result<(i32, Vec<(Micros, Figures)>), Error> {
    let (from, by_minute) = window(ctx.now(), minutes);
    let rows = hypervisor_metric::since(ctx.store.read(), hypervisor_id, from).await?;
    if by_minute {
        let minutes = rows.into_iter().filter(|row| row.span_s == MINUTE_S);
        return Ok((MINUTE_S, minutes.map(|row| (row.at, figures(&row))).collect()));
    }
    Ok((BUCKET_S, averaged(&rows)))
}

/// One average for each bucket that has rows.
fn averaged(rows: &[entity::Model]) -> Vec<(Micros, Figures)> {
    let buckets = rows.chunk_by(|one, next| one.bucket_at == next.bucket_at);
    buckets.map(|rows| (rows[0].bucket_at, average(rows))).collect()
}

fn average(rows: &[entity::Model]) -> Figures {
    let mean = |of: fn(&entity::Model) -> i64| mean(rows.iter().map(|row| (row.span_s, of(row)))).unwrap_or(0);
    Figures {
        cpu_centipercent: mean(|row| row.cpu_centipercent),
        load_centi: mean(|row| row.load_centi),
        memory_total_kib: mean(|row| row.memory_total_kib),
        memory_used_kib: mean(|row| row.memory_used_kib),
        storage_total_bytes: mean(|row| row.storage_total_bytes),
        storage_used_bytes: mean(|row| row.storage_used_bytes),
        network_in_bytes_s: mean(|row| row.network_in_bytes_s),
        network_out_bytes_s: mean(|row| row.network_out_bytes_s),
    }
}

/// Of values that each hold for so many seconds; of none there is none.
fn mean(values: impl Iterator<Item = (i32, i64)>) -> Option<i64> {
    let (mut weight, mut sum) = (0_i128, 0_i128);
    for (span_s, value) in values {
        weight += i128::from(span_s);
        sum += i128::from(value) * i128::from(span_s);
    }
    (weight > 0).then(|| i64::try_from(sum / weight).unwrap_or(i64::MAX))
}

fn figures(row: &entity::Model) -> Figures {
    average(std::slice::from_ref(row))
}

/// How often [`tidy`] is worth its while.
pub const TIDY_EVERY: Micros = BUCKET_S as Micros * SECOND;

#[cfg(test)]
mod tests {
    use berth_proto::DiskStats;
    use berth_store::storage_metric::Io;

    use super::*;

    fn sample(cpu: f64, rx: u64) -> NodeStats {
        NodeStats {
            cpu_percent: cpu,
            memory_total_kib: 1000,
            memory_available_kib: 400,
            load_1m: 1.5,
            storage: vec![StorageRoot { total_bytes: 100, free_bytes: 30, is_default: true, ..StorageRoot::default() }],
            network_rx_bytes: rx,
            network_tx_bytes: rx * 2,
            cpu_steal_percent: 0.0,
        }
    }

    #[test]
    fn a_minute_is_told_when_the_next_one_begins() {
        let mut collector = Collector::default();
        assert_eq!(collector.add(&sample(10.0, 0), 0), None);
        assert_eq!(collector.add(&sample(20.0, 500), 30 * SECOND), None);
        assert_eq!(collector.add(&sample(f64::NAN, 1000), 50 * SECOND), None);
        let Ended { at, node: figures, storage } = collector.add(&sample(90.0, 9000), 70 * SECOND).unwrap();
        let wanted = Figures {
            cpu_centipercent: 1000,
            load_centi: 150,
            memory_total_kib: 1000,
            memory_used_kib: 600,
            storage_total_bytes: 100,
            storage_used_bytes: 70,
            network_in_bytes_s: 20,
            network_out_bytes_s: 40,
        };
        assert_eq!((at, figures), (0, wanted));
        let folder = storage_metric::Figures { total_bytes: 100, used_bytes: 70, io: None };
        assert_eq!(storage.iter().map(|(root, of)| (root.is_default, *of)).collect::<Vec<_>>(), [(true, folder)]);
        // Counted from the last sample of the minute before, so that nothing falls between two minutes.
        let Ended { at, node: figures, .. } = collector.add(&sample(0.0, 9000), 120 * SECOND).unwrap();
        assert_eq!((at, figures.cpu_centipercent, figures.network_in_bytes_s), (MINUTE, 9000, 400));
    }

    #[test]
    fn counters_that_begin_anew_and_clocks_that_go_back_are_no_traffic() {
        let mut collector = Collector::default();
        collector.add(&sample(0.0, 5_000_000), 10 * SECOND);
        let figures = collector.add(&sample(0.0, 3), 60 * SECOND).unwrap().node;
        assert_eq!(figures.network_in_bytes_s, 0, "one sample is no difference");
        let figures = collector.add(&sample(0.0, 5), 0).unwrap().node;
        assert_eq!(figures.network_in_bytes_s, 0, "rebooted");
        assert!(collector.add(&sample(0.0, 6), 200 * SECOND).is_some());
    }

    #[test]
    fn what_passed_a_storages_device_is_told_by_the_second() {
        let io = |read_bytes, write_bytes, read_requests, write_requests| {
            Some(DiskStats { read_bytes, write_bytes, read_requests, write_requests })
        };
        let root = |path: &str, io, trouble: &str| StorageRoot {
            path: path.to_owned(),
            kind: "zfs".to_owned(),
            total_bytes: 50,
            free_bytes: 60,
            trouble: trouble.to_owned(),
            io,
            ..StorageRoot::default()
        };
        let stats = |storage| NodeStats { storage, ..NodeStats::default() };
        let mut collector = Collector::default();
        collector.add(&stats(vec![root("tank", io(100, 0, 7, 0), ""), root("new", None, "")]), 0);
        let later =
            [root("new", io(9, 9, 9, 9), ""), root("tank", io(700, 50, 10, 3), ""), root("gone", None, "It is.")];
        collector.add(&stats(later.to_vec()), 30 * SECOND);
        let ended = collector.add(&NodeStats::default(), 60 * SECOND).unwrap();
        let told: Vec<_> = ended.storage.iter().map(|(root, figures)| (root.path.as_str(), figures.io)).collect();
        let tank = Io { read_bytes_s: 20, write_bytes_s: 1, read_centi_iops: 10, write_centi_iops: 10 };
        assert_eq!(told, [("new", None), ("tank", Some(tank))], "one look is no difference, trouble is no figure");
        assert_eq!(ended.storage[1].1.used_bytes, 0, "more is free than there is");
        assert!(collector.add(&NodeStats::default(), 120 * SECOND).unwrap().storage.is_empty());
    }

    fn row(at: Micros, span_s: i32, cpu_centipercent: i64) -> entity::Model {
        entity::Model {
            id: 0,
            hypervisor_id: 1,
            span_s,
            at,
            bucket_at: hypervisor_metric::bucket(at),
            cpu_centipercent,
            load_centi: 0,
            memory_total_kib: 0,
            memory_used_kib: 0,
            storage_total_bytes: i64::MAX,
            storage_used_bytes: 0,
            network_in_bytes_s: 0,
            network_out_bytes_s: 0,
        }
    }

    #[test]
    fn averages_and_minutes_make_one_line() {
        let bucket = 900 * SECOND;
        let rows = [row(0, BUCKET_S, 500), row(bucket, MINUTE_S, 100), row(bucket + MINUTE, MINUTE_S, 300)];
        let line: Vec<_> = averaged(&rows).into_iter().map(|(at, figures)| (at, figures.cpu_centipercent)).collect();
        assert_eq!(line, [(0, 500), (bucket, 200)]);
        assert_eq!(averaged(&rows)[0].1.storage_total_bytes, i64::MAX);
    }
}
