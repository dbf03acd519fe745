//! Servers that use more than their share of processors for long are throttled for a while: what packages say of it, and
//! the look at all of them each minute.

use berth_api::{
    time,
    v1::cpu_fairness::{CpuFairness, ServerCpuFairness},
};
use berth_store::{
    Micros, Tx, audit,
    cpu_fairness::{self as store, Watched},
    entity::{cpu_fairness::Model as State, package_fairness::Model as Policy, server},
    package, server as servers, user,
};
use serde_json::json;

use super::{entry, interfaces::Change, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    fairness::{self, Standing, Verdict},
    mail::{self, Letter},
};

/// A day.
const MINUTES: std::ops::RangeInclusive<i64> = 1..=1_440;
/// Servers that one run of the scheduler reads at once.
const SERVERS_AT_ONCE: u64 = 500;
/// What a server that is not over uses is written down when it differs by so much.
const NEWS_PERCENT: u32 = 10;

pub async fn of_package(ctx: &Context, actor: &Actor, package_id: i64) -> Result<CpuFairness, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    package::by_id(db, package_id).await?.ok_or(Error::NotFound("package"))?;
    let said = |policy: Policy| CpuFairness {
        share: policy.share_percent.into(),
        minutes: policy.after_minutes.into(),
        throttle: policy.throttle_percent.into(),
        throttle_minutes: policy.throttle_minutes.into(),
    };
    Ok(store::of_package(db, package_id).await?.map(said).unwrap_or_default())
}

pub async fn set_of_package(ctx: &Context, actor: &Actor, package_id: i64, input: CpuFairness) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let CpuFairness { share, minutes, throttle, throttle_minutes } = input;
    let mut errors = Vec::new();
    rules::within(&mut errors, "share", share, 0..=100);
    if share > 0 {
        rules::within(&mut errors, "minutes", minutes, MINUTES);
        rules::within(&mut errors, "throttle", throttle, 1..=99);
        rules::within(&mut errors, "throttleMinutes", throttle_minutes, MINUTES);
    }
    rules::done(errors)?;
    let now = ctx.now();
    let small = |value: i64| if share == 0 { 0 } else { i32::try_from(value).unwrap_or(0) };
    let policy = Policy {
        package_id,
        share_percent: small(share),
        after_minutes: small(minutes),
        throttle_percent: small(throttle),
        throttle_minutes: small(throttle_minutes),
        updated_at: now,
    };
    let set = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, policy) = (actor.clone(), policy.clone());
        Box::pin(async move {
            package::by_id(tx, package_id).await?.ok_or(Error::NotFound("package"))?;
            let before = shown(store::of_package(tx, package_id).await?.as_ref());
            let after = shown(Some(&policy));
            store::set_of_package(tx, policy).await?;
            let subject = ("package", package_id);
            Ok(audit::record(tx, entry(&actor, now, "set_cpu_fairness", subject, Some(before), Some(after))).await?)
        })
    });
    set.await
}

/// For the audit log; without a row there is no share.
fn shown(policy: Option<&Policy>) -> serde_json::Value {
    json!({
        "share": policy.map_or(0, |policy| policy.share_percent),
        "minutes": policy.map_or(0, |policy| policy.after_minutes),
        "throttle": policy.map_or(0, |policy| policy.throttle_percent),
        "throttleMinutes": policy.map_or(0, |policy| policy.throttle_minutes),
    })
}

pub async fn of_server(ctx: &Context, actor: &Actor, server_id: i64) -> Result<ServerCpuFairness, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let row = servers::by_id(db, server_id).await?.ok_or(Error::NotFound("server"))?;
    let state = store::states(db, &[server_id]).await?.pop();
    let throttled = row.cpu_fair_percent > 0;
    Ok(ServerCpuFairness {
        used: state.as_ref().map(|state| state.used_percent.into()),
        steal: ctx.live.server(row.uuid, ctx.now()).map(|live| live.stats.cpu_steal_percent),
        over_since: state.as_ref().and_then(|state| state.over_since).map(time::offset),
        throttled,
        throttle: throttled.then(|| row.cpu_fair_percent.into()),
        throttled_until: state.and_then(|state| state.throttled_until).map(time::offset),
    })
}

/// Looks at every server whose package has a share, and at those that are throttled.
pub async fn look_at_all(ctx: &Context) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let watched = store::to_look_at(ctx.store.read(), after, SERVERS_AT_ONCE).await?;
        let Some(last) = watched.last() else { return Ok(()) };
        after = last.server_id;
        let ids: Vec<i64> = watched.iter().map(|watched| watched.server_id).collect();
        let states = store::states(ctx.store.read(), &ids).await?;
        for watched in watched {
            let used = ctx.live.take_cpu(watched.uuid);
            let before = states.iter().find(|state| state.server_id == watched.server_id);
            look_at(ctx, &watched, before, used).await?;
        }
    }
}

/// `cores_percent` is of one processor's time.
async fn look_at(
    ctx: &Context,
    watched: &Watched,
    before: Option<&State>,
    cores_percent: Option<f64>,
) -> Result<(), Error> {
    let used = cores_percent.map(|percent| percent / watched.cpu_cores.max(1) as f64);
    let shown = used.map_or(0, |used| used.round().clamp(0.0, 100.0) as i32);
    let is_free = before.is_none_or(|state| state.over_since.is_none() && state.throttled_until.is_none());
    let is_over = used.is_some_and(|used| used > f64::from(watched.share_percent));
    let is_news = shown.abs_diff(before.map_or(0, |state| state.used_percent)) >= NEWS_PERCENT;
    // Most servers are idle at most times, and little is written of them.
    if is_free && !is_over && !is_news {
        return Ok(());
    }
    let change = Change::new(ctx, &Actor::system(), watched.server_id);
    let looked = ctx.store.write_tx::<_, Error>(|tx| {
        let change = change.clone();
        Box::pin(async move {
            let Some(row) = servers::lock(tx, change.server_id).await? else { return Ok(false) };
            let policy = store::of_package(tx, row.package_id).await?;
            let before = store::states(tx, &[row.id]).await?.pop();
            let standing =
                before.map(|state| Standing { over_since: state.over_since, throttled_until: state.throttled_until });
            let (then, verdict) = fairness::judge(policy.as_ref(), standing.unwrap_or_default(), used, change.now);
            let Standing { over_since, throttled_until } = then;
            let state =
                State { server_id: row.id, over_since, throttled_until, used_percent: shown, updated_at: change.now };
            store::set_state(tx, state).await?;
            let (percent, action) = match verdict {
                Verdict::Stays => return Ok(false),
                Verdict::Throttle(percent) => (percent, "throttle_cpu"),
                Verdict::Lift => (0, "unthrottle_cpu"),
            };
            store::set_percent(tx, row.id, percent, change.now).await?;
            change.follow(tx, &row).await?;
            let until = throttled_until.map(time::offset);
            let after = json!({ "percent": percent, "used": shown, "until": until });
            change.record(tx, action, Some(json!({ "percent": row.cpu_fair_percent })), Some(after)).await?;
            announce(tx, &change, &row, percent, throttled_until).await?;
            Ok(true)
        })
    });
    if looked.await? {
        ctx.nudge.notify_one();
    }
    Ok(())
}

/// Its owner is told that it is throttled, and until when, or that it no longer is.
async fn announce(
    tx: &Tx,
    change: &Change,
    row: &server::Model,
    percent: i32,
    until: Option<Micros>,
) -> Result<(), Error> {
    let Some(owner) = user::by_id(tx, row.owner_id).await? else { return Ok(()) };
    let (name, uuid) = (row.name.clone(), row.uuid.to_string());
    let letter = match until {
        Some(until) => Letter::CpuThrottle { name, uuid, percent, until: format!("{} UTC", time::plain(until)) },
        None => Letter::CpuThrottleEnded { name, uuid },
    };
    mail::post(tx, mail::draft(&change.ctx, &letter, &owner.language)?, &owner, change.now).await
}
