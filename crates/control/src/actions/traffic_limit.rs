//! What happens when a server passes its traffic: notices at 80 and 100 percent, and what its package says. All of it is
//! undone by itself when the period turns, a block is added or the allowance is raised.

use berth_api::v1::server_traffic::TrafficPolicy;
use berth_store::{
    Tx, audit,
    entity::{package_traffic, server, traffic_state::Model as State},
    package, server as servers, server_interface, traffic as store, traffic_limit, user,
};
use serde_json::json;

use super::{entry, interfaces::Change, rules, server_change::Changing, server_suspend};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::DAY,
    mail::{self, Letter},
    traffic,
};

/// Percent of the allowance at which a notice is given.
const NOTICES: [i64; 2] = [80, 100];
const THROTTLE: &str = "throttle";
const SUSPEND: &str = "suspend";
const NOTHING: &str = "nothing";
/// kB/s.
const THROTTLE_KBS: std::ops::RangeInclusive<i64> = 1..=100_000_000;
const GB: i64 = 1_000_000_000;
/// Servers that one run of the scheduler reads at once.
const SERVERS_AT_ONCE: u64 = 500;

pub async fn policy(ctx: &Context, actor: &Actor, package_id: i64) -> Result<TrafficPolicy, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    package::by_id(db, package_id).await?.ok_or(Error::NotFound("package"))?;
    Ok(said(traffic_limit::of_package(db, package_id).await?))
}

fn said(policy: Option<package_traffic::Model>) -> TrafficPolicy {
    match policy {
        Some(policy) => {
            let throttle = Some(policy.throttle_kbs).filter(|_| policy.policy == THROTTLE);
            TrafficPolicy { policy: policy.policy, throttle }
        }
        None => TrafficPolicy { policy: NOTHING.to_owned(), throttle: None },
    }
}

pub async fn set_policy(ctx: &Context, actor: &Actor, package_id: i64, input: TrafficPolicy) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let mut errors = Vec::new();
    match input.policy.as_str() {
        NOTHING | SUSPEND => {}
        THROTTLE => rules::within(&mut errors, "throttle", input.throttle.unwrap_or(0), THROTTLE_KBS),
        _ => errors.push("The policy must be nothing, throttle or suspend.".to_owned()),
    }
    rules::done(errors)?;
    let now = ctx.now();
    let set = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            package::by_id(tx, package_id).await?.ok_or(Error::NotFound("package"))?;
            let before = said(traffic_limit::of_package(tx, package_id).await?);
            let before = json!({ "policy": before.policy, "throttle": before.throttle });
            let after = json!({ "policy": input.policy, "throttle": input.throttle });
            let row = package_traffic::Model {
                package_id,
                policy: input.policy,
                throttle_kbs: input.throttle.unwrap_or(0),
                updated_at: now,
            };
            traffic_limit::set_of_package(tx, row).await?;
            let subject = ("package", package_id);
            let written = entry(&actor, now, "set_traffic_policy", subject, Some(before), Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    set.await
}

/// Looks at every server that had traffic lately, or is throttled or suspended for it.
pub async fn look_at_all(ctx: &Context) -> Result<(), Error> {
    let (mut after, since) = (0, ctx.now() - DAY);
    loop {
        let ids = traffic_limit::to_look_at(ctx.store.read(), since, after, SERVERS_AT_ONCE).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        for id in ids {
            look_at(ctx, id).await?;
        }
    }
}

/// Gives notices, and does what the policy says, or undoes it. Nothing is written where nothing changes.
pub async fn look_at(ctx: &Context, server_id: i64) -> Result<(), Error> {
    let change = Change::new(ctx, &Actor::system(), server_id);
    let looked = ctx.store.write_tx::<_, Error>(|tx| {
        let change = change.clone();
        Box::pin(async move {
            let Some(row) = servers::by_id(tx, server_id).await? else { return Ok(false) };
            let (month, percent) = used(tx, &row, change.now).await?;
            let before = traffic_limit::state(tx, server_id).await?;
            let mut state = before.clone().unwrap_or_else(|| none_yet(server_id, month));
            if state.month != month {
                (state.month, state.noticed) = (month, 0);
            }
            give_notices(tx, &change, &row, &mut state, percent).await?;
            let changed = settle(tx, &change, &row, &mut state, percent).await?;
            if before.as_ref() != Some(&state) && (before.is_some() || state.noticed > 0) {
                state.updated_at = change.now;
                traffic_limit::set_state(tx, state).await?;
            }
            Ok(changed)
        })
    });
    if looked.await? {
        ctx.nudge.notify_one();
    }
    Ok(())
}

fn none_yet(server_id: i64, month: i32) -> State {
    State { server_id, month, noticed: 0, throttled: false, suspended: false, updated_at: 0 }
}

/// The current period, and how much of its allowance is used, in percent; 0 where the server is unmetered.
async fn used(tx: &Tx, row: &server::Model, now: i64) -> Result<(i32, i64), Error> {
    let month = traffic::month(row.created_at, now);
    let period = traffic::period(row.created_at, month);
    let month = i32::try_from(month).unwrap_or(i32::MAX);
    if row.traffic_gb == 0 {
        return Ok((month, 0));
    }
    let days = store::days(tx, row.id, period.start).await?;
    let bytes: i64 = days.iter().map(|day| day.rx_bytes.saturating_add(day.tx_bytes)).sum();
    let blocks = store::blocks(tx, row.id).await?;
    let added: i64 = blocks.iter().filter(|block| block.month == month).map(|block| block.traffic_gb).sum();
    Ok((month, bytes / (row.traffic_gb + added).saturating_mul(GB / 100).max(1)))
}

/// Each once in a period.
async fn give_notices(
    tx: &Tx,
    change: &Change,
    row: &server::Model,
    state: &mut State,
    percent: i64,
) -> Result<(), Error> {
    for notice in NOTICES {
        if percent < notice || i64::from(state.noticed) >= notice {
            continue;
        }
        state.noticed = i32::try_from(notice).unwrap_or(100);
        let after = json!({ "percent": notice, "month": state.month });
        change.record(tx, "traffic_notice", None, Some(after)).await?;
        if let Some(owner) = user::by_id(tx, row.owner_id).await? {
            let letter = Letter::Traffic { name: row.name.clone(), uuid: row.uuid.to_string(), percent: notice };
            let draft = mail::draft(&change.ctx, &letter, &owner.language)?;
            mail::post(tx, draft, &owner, change.now).await?;
        }
    }
    Ok(())
}

/// What the package says of a server that is over, and the end of it for one that is not.
async fn settle(tx: &Tx, change: &Change, row: &server::Model, state: &mut State, percent: i64) -> Result<bool, Error> {
    let policy = traffic_limit::of_package(tx, row.package_id).await?.filter(|_| percent >= 100);
    let is = |name: &str| policy.as_ref().filter(|policy| policy.policy == name);
    let throttle_kbs = is(THROTTLE).map_or(0, |policy| policy.throttle_kbs);
    let throttled = throttle(tx, change, state, throttle_kbs, percent).await?;
    let suspended = suspend(tx, change, state, is(SUSPEND).is_some(), percent).await?;
    Ok(throttled || suspended)
}

/// The customer's own speeds stay beside the throttle, so that they can be changed meanwhile.
async fn throttle(tx: &Tx, change: &Change, state: &mut State, kbs: i64, percent: i64) -> Result<bool, Error> {
    if kbs == 0 && !state.throttled {
        return Ok(false);
    }
    let locked = change.lock(tx).await?;
    let primary = locked.named(None)?;
    state.throttled = kbs != 0;
    if primary.throttle_kbs == kbs {
        return Ok(false);
    }
    server_interface::set_throttle(tx, primary.id, kbs, change.now).await?;
    change.follow(tx, &locked.row).await?;
    let (before, after) = (json!({ "throttle": primary.throttle_kbs }), json!({ "throttle": kbs, "percent": percent }));
    let action = if kbs == 0 { "unthrottle_traffic" } else { "throttle_traffic" };
    change.record(tx, action, Some(before), Some(after)).await?;
    Ok(true)
}

/// Ends only a suspension that it began. Whoever ends it by hand has it run until the period turns.
async fn suspend(tx: &Tx, change: &Change, state: &mut State, wanted: bool, percent: i64) -> Result<bool, Error> {
    if wanted == state.suspended {
        return Ok(false);
    }
    let changing = Changing::new(&change.ctx, &Actor::system());
    let row = changing.lock(tx, change.server_id).await?;
    let changes = row.suspended != wanted;
    state.suspended = wanted && changes;
    if !changes {
        return Ok(false);
    }
    let queued = server_suspend::switch(&changing, tx, &row, wanted).await?;
    let action = if wanted { "suspend_for_traffic" } else { "unsuspend_after_traffic" };
    let before = json!({ "suspended": row.suspended });
    let after = json!({ "suspended": wanted, "percent": percent, "queue": queued });
    change.record(tx, action, Some(before), Some(after)).await?;
    Ok(true)
}
