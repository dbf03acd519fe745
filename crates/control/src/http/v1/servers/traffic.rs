//! Traffic of a server.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    time,
    v1::server_traffic::{
        AddTrafficBlock, ServerTrafficUse, TrafficBlock, TrafficBlocks, TrafficMonth, TrafficMonthBlock, TrafficPeriod,
        TrafficPeriods, TrafficPolicy, TrafficRate, TrafficSlice,
    },
};
use berth_store::entity::traffic_block;

use super::SERVER;
use crate::{
    Context, Error,
    actions::{
        server_traffic::{self, BLOCK, PERIODS_AHEAD},
        traffic_limit,
    },
    actor::Actor,
    http::extract::{self, Body, Query},
    traffic::{self, Period},
};

const DAYS: i64 = 31;
/// A day.
const RATES_MINUTES: i64 = 1_440;

/// Retrieve a server's traffic by periods.
#[utoipa::path(get, path = "/servers/{serverId}/traffic", tag = "Traffic",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "Every period of the last three years, the newest first.", body = Data<ServerTrafficUse>),
        (status = 404, description = "There is no such server.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<ServerTrafficUse>>, Error> {
    let used = server_traffic::by_periods(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    let of = |month: u32| {
        let of_month = used.blocks.iter().filter(move |block| block.month.unsigned_abs() == month);
        of_month.map(|block| TrafficMonthBlock { id: block.id, traffic: block.traffic_gb }).collect()
    };
    let shown = |(month, (period, sum)): (u32, &(Period, berth_store::traffic::Sum))| TrafficMonth {
        month,
        start: time::plain(period.start),
        end: time::plain(period.end),
        rx: sum.rx_bytes,
        tx: sum.tx_bytes,
        total: sum.rx_bytes + sum.tx_bytes,
        limit: used.row.traffic_gb,
        blocks: of(month),
    };
    let mut monthly: Vec<TrafficMonth> = (used.first_month..).zip(&used.months).map(shown).collect();
    monthly.reverse();
    Ok(Json(Data { data: ServerTrafficUse { monthly } }))
}

/// Retrieve a server's traffic by days or hours.
///
/// An addition of Berth's. Hours are kept for 35 days, days for 1,100.
#[utoipa::path(get, path = "/servers/{serverId}/traffic/history", tag = "Traffic", operation_id = "history",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("hourly" = Option<bool>, Query, description = "Hours instead of days."),
        ("days" = Option<i64>, Query, description = "How far back, 1 to 400, of hours 1 to 35; by default 31.")),
    responses((status = 200, description = "Those with traffic, in order.", body = Data<Vec<TrafficSlice>>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The days are out of range.")))]
pub async fn history(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Data<Vec<TrafficSlice>>>, Error> {
    let (hourly, days) = (query.flag("hourly")?, query.number("days")?.unwrap_or(DAYS));
    let slices = server_traffic::slices(&ctx, &actor, extract::id(&id, SERVER)?, hourly, days).await?;
    let shown = |sum: berth_store::traffic::Sum| TrafficSlice {
        start: time::plain(sum.starts_at),
        rx: sum.rx_bytes,
        tx: sum.tx_bytes,
    };
    Ok(Json(Data { data: slices.into_iter().map(shown).collect() }))
}

/// Retrieve a server's traffic as rates, for graphs.
///
/// An addition of Berth's. Kept for two days; nodes tell what passed once a minute.
#[utoipa::path(get, path = "/servers/{serverId}/traffic/rates", tag = "Traffic", operation_id = "traffic_rates",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("minutes" = Option<i64>, Query, description = "How far back, 5 to 2880; by default 1440.")),
    responses((status = 200, description = "By five minutes that have ended, in order; those without traffic are left out.",
            body = Data<Vec<TrafficRate>>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The minutes are out of range.")))]
pub async fn rates(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Data<Vec<TrafficRate>>>, Error> {
    let minutes = query.number("minutes")?.unwrap_or(RATES_MINUTES);
    let rates = server_traffic::rates(&ctx, &actor, extract::id(&id, SERVER)?, minutes).await?;
    let shown = |sum: berth_store::traffic::Sum| TrafficRate {
        start: time::plain(sum.starts_at),
        rx: sum.rx_bytes,
        tx: sum.tx_bytes,
    };
    Ok(Json(Data { data: rates.into_iter().map(shown).collect() }))
}

/// Retrieve blocks of traffic that were added to a server, and the periods that more can be added to.
#[utoipa::path(get, path = "/servers/{serverId}/traffic/blocks", tag = "Traffic",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "Blocks and periods.", body = Data<TrafficBlocks>),
        (status = 404, description = "There is no such server.")))]
pub async fn blocks(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<TrafficBlocks>>, Error> {
    let used = server_traffic::by_periods(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    let created = used.row.created_at;
    let current = traffic::month(created, ctx.now());
    let months = (current..=current + PERIODS_AHEAD).map(|month| (month, period(created, month))).collect();
    let available = TrafficPeriods { total: PERIODS_AHEAD as usize + 1, current: period(created, current), months };
    let assigned = used.blocks.into_iter().map(|row| block(created, current, row)).collect();
    Ok(Json(Data { data: TrafficBlocks { assigned, available } }))
}

fn period(created: i64, month: u32) -> TrafficPeriod {
    let Period { start, end } = traffic::period(created, month);
    TrafficPeriod { month, start: time::plain(start), end: time::plain(end) }
}

fn block(created: i64, current: u32, row: traffic_block::Model) -> TrafficBlock {
    let traffic_block::Model { id, server_id: _, month, traffic_gb, created_at } = row;
    let TrafficPeriod { month, start, end } = period(created, month.unsigned_abs());
    TrafficBlock {
        id,
        current: month == current,
        month,
        traffic: traffic_gb,
        start,
        end,
        added: time::zulu(created_at),
    }
}

/// Add a block of traffic to a period of a server.
#[utoipa::path(post, path = "/servers/{serverId}/traffic/blocks", tag = "Traffic", operation_id = "add_block",
    request_body = AddTrafficBlock, params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 201, description = "It is added."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn add(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<AddTrafficBlock>,
) -> Result<StatusCode, Error> {
    server_traffic::add_block(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(StatusCode::CREATED)
}

/// Remove a block of traffic from a server.
#[utoipa::path(delete, path = "/servers/{serverId}/traffic/blocks/{blockId}", tag = "Traffic",
    operation_id = "remove_block",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("blockId" = i64, Path, description = "A block's id.")),
    responses((status = 204, description = "It is gone."),
        (status = 404, description = "There is no such server or block.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, block)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    server_traffic::remove_block(&ctx, &actor, extract::id(&id, SERVER)?, extract::id(&block, BLOCK)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve what becomes of a package's servers when they pass their traffic.
#[utoipa::path(get, path = "/packages/{packageId}/trafficPolicy", tag = "Traffic", operation_id = "policy",
    params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 200, description = "The policy.", body = Data<TrafficPolicy>),
        (status = 404, description = "There is no such package.")))]
pub async fn policy(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<TrafficPolicy>>, Error> {
    Ok(Json(Data { data: traffic_limit::policy(&ctx, &actor, extract::id(&id, "package")?).await? }))
}

/// Set what becomes of a package's servers when they pass their traffic.
///
/// Notices at 80 and 100 percent are in the audit log either way.
#[utoipa::path(put, path = "/packages/{packageId}/trafficPolicy", tag = "Traffic", operation_id = "set_policy",
    request_body = TrafficPolicy, params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 204, description = "It holds for servers that there are, too, within a minute."),
        (status = 404, description = "There is no such package."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn set_policy(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<TrafficPolicy>,
) -> Result<StatusCode, Error> {
    traffic_limit::set_policy(&ctx, &actor, extract::id(&id, "package")?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}
