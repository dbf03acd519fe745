//! What a server used of its traffic, and blocks that are added to a period.

use berth_api::v1::server_traffic::AddTrafficBlock;
use berth_store::{
    Micros, audit,
    entity::{server, traffic_block},
    server as servers,
    traffic::{self as store, Sum},
};
use serde_json::json;

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::{DAY, HOUR, MINUTE, SECOND},
    traffic::{self, Period},
};

pub const BLOCK: &str = "traffic block";
/// GB of one block.
const BLOCK_GB: std::ops::RangeInclusive<i64> = 1..=10_000_000;
/// Blocks of one server.
const MOST_BLOCKS: usize = 1_000;
/// Periods after the current one that a block can be added to.
pub const PERIODS_AHEAD: u32 = 24;
/// Hourly figures are kept for as long.
pub const HOURS_KEPT: Micros = 35 * DAY;
/// Daily figures are kept for as long, and periods that lie within it are shown: three years.
pub const DAYS_KEPT: Micros = 1_100 * DAY;
/// What rates are made of is kept for as long.
pub const RATES_KEPT: Micros = 2 * DAY;
/// How far back rates are told.
const RATES_MINUTES: std::ops::RangeInclusive<i64> = 5..=RATES_KEPT / MINUTE;
const SPAN: Micros = store::SPAN_S * SECOND;
/// Daily figures that one call answers.
const MOST_DAYS: Micros = 400;

/// A server with what it used, in each of its periods from the first of which all days are known to the current one.
pub struct Use {
    pub row: server::Model,
    /// The number of the first of `months`.
    pub first_month: u32,
    pub months: Vec<(Period, Sum)>,
    pub blocks: Vec<traffic_block::Model>,
}

pub async fn by_periods(ctx: &Context, actor: &Actor, server_id: i64) -> Result<Use, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let row = servers::by_id(db, server_id).await?.ok_or(Error::NotFound("server"))?;
    let (days, blocks) = tokio::try_join!(store::days(db, server_id, 0), store::blocks(db, server_id))?;
    let (current, known_since) = (traffic::month(row.created_at, ctx.now()), ctx.now() - DAYS_KEPT);
    let is_known = |month: &u32| traffic::period(row.created_at, *month).start >= known_since;
    let first_month = (1..=current).find(is_known).unwrap_or(current);
    let months = (first_month..=current).map(|month| {
        let period = traffic::period(row.created_at, month);
        let within = days.iter().filter(|day| (period.start..=period.end).contains(&day.starts_at));
        let none = Sum { starts_at: period.start, rx_bytes: 0, tx_bytes: 0 };
        let sum = within.fold(none, |sum, day| Sum {
            rx_bytes: sum.rx_bytes + day.rx_bytes,
            tx_bytes: sum.tx_bytes + day.tx_bytes,
            ..sum
        });
        (period, sum)
    });
    let months = months.collect();
    Ok(Use { row, first_month, months, blocks })
}

/// Days, or hours where `hourly`, of the last so many days.
pub async fn slices(ctx: &Context, actor: &Actor, server_id: i64, hourly: bool, days: i64) -> Result<Vec<Sum>, Error> {
    actor.require(Ability::Read)?;
    let most = if hourly { HOURS_KEPT / DAY } else { MOST_DAYS };
    let mut errors = Vec::new();
    rules::within(&mut errors, "days", days, 1..=most);
    rules::done(errors)?;
    let db = ctx.store.read();
    servers::by_id(db, server_id).await?.ok_or(Error::NotFound("server"))?;
    let from = ctx.now() - days * DAY;
    let slices =
        if hourly { store::hours(db, server_id, from).await? } else { store::days(db, server_id, from).await? };
    Ok(slices)
}

/// Bytes a second of the last so many minutes, by five minutes that have ended; those without traffic are left out.
pub async fn rates(ctx: &Context, actor: &Actor, server_id: i64, minutes: i64) -> Result<Vec<Sum>, Error> {
    actor.require(Ability::Read)?;
    let mut errors = Vec::new();
    rules::within(&mut errors, "minutes", minutes, RATES_MINUTES);
    rules::done(errors)?;
    let db = ctx.store.read();
    servers::by_id(db, server_id).await?.ok_or(Error::NotFound("server"))?;
    let (now, from) = (ctx.now(), ctx.now() - minutes * MINUTE);
    let told = store::rates(db, server_id, from - from.rem_euclid(SPAN)).await?;
    let rate = |sum: Sum| Sum { rx_bytes: sum.rx_bytes / store::SPAN_S, tx_bytes: sum.tx_bytes / store::SPAN_S, ..sum };
    Ok(told.into_iter().filter(|sum| sum.starts_at + SPAN <= now).map(rate).collect())
}

/// Forgets what is older than it is kept.
pub async fn trim(ctx: &Context) -> Result<(), Error> {
    let now = ctx.now();
    let trimmed = ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            store::forget_hours(tx, now - HOURS_KEPT).await?;
            store::forget_days(tx, now - DAYS_KEPT).await?;
            Ok(())
        })
    });
    trimmed.await?;
    while forget_oldest_rates(ctx, now - RATES_KEPT).await? > 0 {}
    Ok(())
}

async fn forget_oldest_rates(ctx: &Context, before: Micros) -> Result<u64, Error> {
    let gone =
        ctx.store.write_tx::<_, Error>(|tx| Box::pin(async move { Ok(store::forget_oldest_rates(tx, before).await?) }));
    gone.await
}

pub async fn add_block(ctx: &Context, actor: &Actor, server_id: i64, input: AddTrafficBlock) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let mut errors = Vec::new();
    let amount = input.amount.unwrap_or(0);
    rules::within(&mut errors, "amount", amount, BLOCK_GB);
    let now = ctx.now();
    let added = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, mut errors) = (actor.clone(), errors.clone());
        Box::pin(async move {
            let row = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            let current = traffic::month(row.created_at, now);
            let (first, last) = (i64::from(current), i64::from(current + PERIODS_AHEAD));
            let month = input.month.unwrap_or(0);
            rules::within(&mut errors, "month", month, first..=last);
            rules::done(errors)?;
            if store::blocks(tx, server_id).await?.len() >= MOST_BLOCKS {
                return Err(Error::invalid(format!("A server has at most {MOST_BLOCKS} blocks of traffic.")));
            }
            let month = i32::try_from(month).unwrap_or(i32::MAX);
            let block = store::add_block(tx, server_id, month, amount, now).await?;
            let after = json!({ "block": block.id, "month": month, "traffic": amount });
            let subject = ("server", server_id);
            Ok(audit::record(tx, entry(&actor, now, "add_traffic_block", subject, None, Some(after))).await?)
        })
    });
    added.await
}

pub async fn remove_block(ctx: &Context, actor: &Actor, server_id: i64, id: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            let block = store::remove_block(tx, server_id, id).await?.ok_or(Error::NotFound(BLOCK))?;
            let before = json!({ "block": id, "month": block.month, "traffic": block.traffic_gb });
            let subject = ("server", server_id);
            Ok(audit::record(tx, entry(&actor, now, "remove_traffic_block", subject, Some(before), None)).await?)
        })
    });
    removed.await
}

/// When something passed, as it is counted: never in the future, however wrong a node's clock is.
pub fn when(at: Micros, now: Micros) -> store::When {
    let at = at.clamp(0, now);
    let since = |span: Micros| at - at.rem_euclid(span);
    store::When { day_at: since(DAY), hour_at: since(HOUR), span_at: since(SPAN), now }
}
