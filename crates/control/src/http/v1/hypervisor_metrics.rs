//! Figures of a node over time.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    time,
    v1::hypervisor_metrics::{
        HypervisorMetrics, MetricPoint, MetricTraffic, MetricUse, StorageMetricIo, StorageMetricPoint, StorageMetrics,
    },
};
use berth_store::{
    Micros, entity::storage_point as entity, hypervisor, hypervisor_metric::Figures, storage_metric, storage_point,
};

use crate::{
    Context, Error,
    actions::storage_points::LOCAL_ID,
    actor::{Ability, Actor},
    http::extract::{self, Query},
    node_metrics,
};

/// 28 days.
const MOST_MINUTES: i64 = 40_320;
const MINUTES: i64 = 60;

/// Retrieve a hypervisor's CPU, memory, load, file system, network and storage over time.
///
/// A point a minute for up to a day, and averages of a quarter of an hour beyond. Each storage has what is used of it, and
/// what passed the block device that it is on.
#[utoipa::path(get, path = "/compute/hypervisors/{hypervisorId}/metrics", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("minutes" = Option<i64>, Query, description = "How far back, 1 to 40320, by default 60.")),
    responses((status = 200, description = "The figures, oldest first.", body = Data<HypervisorMetrics>),
        (status = 404, description = "There is no such hypervisor.")))]
pub async fn metrics(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(id): Path<String>,
) -> Result<Json<Data<HypervisorMetrics>>, Error> {
    actor.require(Ability::Read)?;
    let id = extract::id(&id, "hypervisor")?;
    hypervisor::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("hypervisor"))?;
    let minutes = query.number("minutes")?.unwrap_or(MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        return Err(Error::invalid(format!("The minutes must be between 1 and {MOST_MINUTES}.")));
    }
    let (interval, figures) = node_metrics::read(&ctx, id, minutes).await?;
    let points = figures.into_iter().map(point).collect();
    let storage = storages(&ctx, id, minutes).await?;
    Ok(Json(Data { data: HypervisorMetrics { interval: interval.into(), points, storage } }))
}

async fn storages(ctx: &Context, id: i64, minutes: i64) -> Result<Vec<StorageMetrics>, Error> {
    let points = storage_point::of_hypervisors(ctx.store.read(), &[id]).await?;
    let mut figures = node_metrics::read_storage(ctx, id, minutes).await?;
    let metrics = |point: entity::Model| {
        let own = figures.iter_mut().find(|(id, _)| *id == point.id).map(|(_, line)| std::mem::take(line));
        StorageMetrics {
            id: if point.is_local { LOCAL_ID } else { point.id },
            name: point.name,
            r#type: point.kind,
            points: own.unwrap_or_default().into_iter().map(storage_at).collect(),
        }
    };
    Ok(points.into_iter().map(metrics).collect())
}

fn storage_at((at, figures): (Micros, storage_metric::Figures)) -> StorageMetricPoint {
    let storage_metric::Figures { total_bytes, used_bytes, io } = figures;
    let io = io.map(|io| {
        let storage_metric::Io { read_bytes_s, write_bytes_s, read_centi_iops, write_centi_iops } = io;
        StorageMetricIo {
            read: read_bytes_s,
            write: write_bytes_s,
            read_iops: hundredths(read_centi_iops),
            write_iops: hundredths(write_centi_iops),
        }
    });
    StorageMetricPoint { at: time::offset(at), total: total_bytes, used: used_bytes, io }
}

fn point((at, figures): (Micros, Figures)) -> MetricPoint {
    let Figures {
        cpu_centipercent,
        load_centi,
        memory_total_kib,
        memory_used_kib,
        storage_total_bytes,
        storage_used_bytes,
        network_in_bytes_s,
        network_out_bytes_s,
    } = figures;
    MetricPoint {
        at: time::offset(at),
        cpu: hundredths(cpu_centipercent),
        load: hundredths(load_centi),
        memory: MetricUse { total: memory_total_kib >> 10, used: memory_used_kib >> 10 },
        filesystem: MetricUse { total: storage_total_bytes, used: storage_used_bytes },
        network: MetricTraffic { r#in: network_in_bytes_s, out: network_out_bytes_s },
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn hundredths(value: i64) -> f64 {
    value as f64 / 100.0
}
