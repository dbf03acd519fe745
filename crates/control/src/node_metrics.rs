//! Figures of nodes over time: live samples become a row a minute, and old rows become averages of a quarter of an hour.
//!
//! Every control server that watches a node averages for itself, and whoever is first writes the minute.

use berth_proto::NodeStats;
use berth_store::{
    Micros,
    entity::hypervisor_metric as entity,
    hypervisor_metric::{self, BUCKET_S, Figures, MINUTE_S},
};

use crate::{
    Context, Error,
    clock::{DAY, MINUTE, SECOND},
};

/// How long there is a row for each minute.
pub const MINUTES_KEPT: Micros = DAY;
/// How long there are averages.
pub const AVERAGES_KEPT: Micros = 28 * DAY;

/// The minute of one node that is going on.
#[derive(Default)]
pub struct Collector {
    minute: Option<Minute>,
    /// When the minute before ended, and the counters then.
    before: Option<(Micros, [u64; 2])>,
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
    pub fn add(&mut self, stats: &NodeStats, now: Micros) -> Option<(Micros, Figures)> {
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
            self.before = Some((now, counters(stats)));
        }
        let (cpu, load) = (sound(stats.cpu_percent), sound(stats.load_1m));
        let begun = Minute { at, samples: 1.0, cpu, load, last: stats.clone(), last_at: now };
        let ended = self.minute.replace(begun)?;
        let figures = ended.figures(self.before);
        self.before = Some((ended.last_at, counters(&ended.last)));
        Some((ended.at, figures))
    }
}

impl Minute {
    fn figures(&self, before: Option<(Micros, [u64; 2])>) -> Figures {
        let last = &self.last;
        let root = last.storage.iter().find(|root| root.is_default).or(last.storage.first());
        let (total, free) = root.map_or((0, 0), |root| (number(root.total_bytes), number(root.free_bytes)));
        let [network_in_bytes_s, network_out_bytes_s] = rates(before, self.last_at, counters(last));
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
}

fn counters(stats: &NodeStats) -> [u64; 2] {
    [stats.network_rx_bytes, stats.network_tx_bytes]
}

/// Bytes a second since then. A counter that fell began anew with the node, and tells nothing.
fn rates(before: Option<(Micros, [u64; 2])>, now: Micros, counters: [u64; 2]) -> [i64; 2] {
    let Some((then, was)) = before.filter(|(then, _)| *then < now) else { return [0; 2] };
    let rate = |was: u64, is: u64| {
        let bytes = u128::from(is.saturating_sub(was)) * 1_000_000 / u128::from((now - then).unsigned_abs());
        i64::try_from(bytes).unwrap_or(i64::MAX)
    };
    [rate(was[0], counters[0]), rate(was[1], counters[1])]
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
pub async fn write(ctx: &Context, hypervisor_id: i64, at: Micros, figures: Figures) {
    let written = ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move { Ok(hypervisor_metric::insert(tx, hypervisor_id, at, figures).await?) })
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
                hypervisor_metric::average(tx, hypervisor_metric::bucket(now - MINUTES_KEPT)).await?;
                Ok(hypervisor_metric::trim(tx, now - AVERAGES_KEPT).await?)
            })
        })
        .await
}

/// A node's figures of the last `minutes`, oldest first, and how many seconds each is the average of. Beyond a day all
/// of them are averages, so that they can be drawn as one line.
pub async fn read(ctx: &Context, hypervisor_id: i64, minutes: i64) -> Result<(i32, Vec<(Micros, Figures)>), Error> {
    let from = ctx.now() - minutes * MINUTE;
    let from = from - from.rem_euclid(MINUTE);
    let by_minute = minutes * MINUTE <= MINUTES_KEPT;
    let from = if by_minute { from } else { hypervisor_metric::bucket(from) };
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
    let mean = |of: fn(&entity::Model) -> i64| {
        let weight: i128 = rows.iter().map(|row| i128::from(row.span_s)).sum();
        let sum: i128 = rows.iter().map(|row| i128::from(of(row)) * i128::from(row.span_s)).sum();
        i64::try_from(sum / weight.max(1)).unwrap_or(i64::MAX)
    };
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

fn figures(row: &entity::Model) -> Figures {
    average(std::slice::from_ref(row))
}

/// How often [`tidy`] is worth its while.
pub const TIDY_EVERY: Micros = BUCKET_S as Micros * SECOND;

#[cfg(test)]
mod tests {
    use berth_proto::StorageRoot;

    use super::*;

    fn sample(cpu: f64, rx: u64) -> NodeStats {
        NodeStats {
            cpu_percent: cpu,
            memory_total_kib: 1000,
            memory_available_kib: 400,
            load_1m: 1.5,
            storage: vec![StorageRoot { total_bytes: 100, free_bytes: 30, ..StorageRoot::default() }],
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
        let (at, figures) = collector.add(&sample(90.0, 9000), 70 * SECOND).unwrap();
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
        // Counted from the last sample of the minute before, so that nothing falls between two minutes.
        let (at, figures) = collector.add(&sample(0.0, 9000), 120 * SECOND).unwrap();
        assert_eq!((at, figures.cpu_centipercent, figures.network_in_bytes_s), (MINUTE, 9000, 400));
    }

    #[test]
    fn counters_that_begin_anew_and_clocks_that_go_back_are_no_traffic() {
        let mut collector = Collector::default();
        collector.add(&sample(0.0, 5_000_000), 10 * SECOND);
        let (_, figures) = collector.add(&sample(0.0, 3), 60 * SECOND).unwrap();
        assert_eq!(figures.network_in_bytes_s, 0, "one sample is no difference");
        let (_, figures) = collector.add(&sample(0.0, 5), 0).unwrap();
        assert_eq!(figures.network_in_bytes_s, 0, "rebooted");
        assert!(collector.add(&sample(0.0, 6), 200 * SECOND).is_some());
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
