//! Figures of a node's storages over time.

use berth_proto::StorageRoot;
use berth_store::{
    Micros,
    entity::storage_metric as entity,
    hypervisor_metric::MINUTE_S,
    storage_metric::{self, Figures, Io},
};

use super::{mean, number, rates, window};
use crate::{Context, Error};

/// What one was like at the end of a minute, and what passed its device since the end of the minute before.
pub(super) fn figures(was: Option<(Micros, &StorageRoot)>, (at, is): (Micros, &StorageRoot)) -> Figures {
    let (total_bytes, free_bytes) = (number(is.total_bytes), number(is.free_bytes));
    let then = was.and_then(|(at, root)| Some((at, root.io?)));
    let io = is.io.zip(then).map(|(now, (then, was))| {
        let before = Some((then, [was.read_bytes, was.write_bytes]));
        let [read_bytes_s, write_bytes_s] = rates(before, (at, [now.read_bytes, now.write_bytes]), 1);
        let before = Some((then, [was.read_requests, was.write_requests]));
        let [read_centi_iops, write_centi_iops] = rates(before, (at, [now.read_requests, now.write_requests]), 100);
        Io { read_bytes_s, write_bytes_s, read_centi_iops, write_centi_iops }
    });
    Figures { total_bytes, used_bytes: (total_bytes - free_bytes).max(0), io }
}

/// Figures of a node's storage points of the last `minutes`, those of each oldest first, by their ids; as many seconds
/// are in each as in those of the node ([`super::read`]).
pub async fn read(
    ctx: &Context,
    hypervisor_id: i64,
    minutes: i64,
) -> Result<Vec<(i64, Vec<(Micros, Figures)>)>, Error> {
    let (from, by_minute) = window(ctx.now(), minutes);
    let rows = storage_metric::since(ctx.store.read(), hypervisor_id, from).await?;
    let points = rows.chunk_by(|one, next| one.storage_point_id == next.storage_point_id);
    Ok(points.map(|rows| (rows[0].storage_point_id, line(rows, by_minute))).collect())
}

fn line(rows: &[entity::Model], by_minute: bool) -> Vec<(Micros, Figures)> {
    if by_minute {
        let minutes = rows.iter().filter(|row| row.span_s == MINUTE_S);
        return minutes.map(|row| (row.at, average(std::slice::from_ref(row)))).collect();
    }
    let buckets = rows.chunk_by(|one, next| one.bucket_at == next.bucket_at);
    buckets.map(|rows| (rows[0].bucket_at, average(rows))).collect()
}

fn average(rows: &[entity::Model]) -> Figures {
    let of_all = |of: fn(&entity::Model) -> i64| mean(rows.iter().map(|row| (row.span_s, of(row)))).unwrap_or(0);
    let of_counted =
        |of: fn(&entity::Model) -> Option<i64>| mean(rows.iter().filter_map(|row| Some((row.span_s, of(row)?))));
    let io = || {
        Some(Io {
            read_bytes_s: of_counted(|row| row.read_bytes_s)?,
            write_bytes_s: of_counted(|row| row.write_bytes_s)?,
            read_centi_iops: of_counted(|row| row.read_centi_iops)?,
            write_centi_iops: of_counted(|row| row.write_centi_iops)?,
        })
    };
    Figures { total_bytes: of_all(|row| row.total_bytes), used_bytes: of_all(|row| row.used_bytes), io: io() }
}

#[cfg(test)]
mod tests {
    use berth_store::hypervisor_metric::{BUCKET_S, bucket};

    use super::*;

    const MINUTE: Micros = 60_000_000;

    fn row(at: Micros, span_s: i32, used_bytes: i64, read_bytes_s: Option<i64>) -> entity::Model {
        entity::Model {
            id: 0,
            hypervisor_id: 1,
            storage_point_id: 1,
            span_s,
            at,
            bucket_at: bucket(at),
            total_bytes: i64::MAX,
            used_bytes,
            read_bytes_s,
            write_bytes_s: read_bytes_s,
            read_centi_iops: read_bytes_s,
            write_centi_iops: read_bytes_s,
        }
    }

    #[test]
    fn averages_and_minutes_make_one_line_and_what_was_not_counted_is_no_part_of_it() {
        let later = MINUTE * 15;
        let rows = [
            row(0, BUCKET_S, 500, None),
            row(later, MINUTE_S, 100, Some(10)),
            row(later + MINUTE, MINUTE_S, 300, None),
            row(later + 2 * MINUTE, MINUTE_S, 200, Some(30)),
        ];
        let told = |by_minute| {
            let line = line(&rows, by_minute).into_iter();
            line.map(|(at, of)| (at, of.used_bytes, of.io.map(|io| io.write_centi_iops))).collect::<Vec<_>>()
        };
        assert_eq!(told(false), [(0, 500, None), (later, 200, Some(20))]);
        let minutes = [(later, 100, Some(10)), (later + MINUTE, 300, None), (later + 2 * MINUTE, 200, Some(30))];
        assert_eq!(told(true), minutes);
        assert_eq!(line(&rows, false)[0].1.total_bytes, i64::MAX);
    }
}
