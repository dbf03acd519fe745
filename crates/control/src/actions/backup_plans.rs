//! Plans by which servers are to be backed up, and which server has which. Nothing carries them out yet: they are kept
//! and shown.

use berth_api::v1::{
    backup::{CreateBackupPlan, UpdateBackupPlan},
    confirm::Confirm,
};
use berth_store::{
    audit,
    backup_plan::{self, NewPlan, days},
    entity::backup_plan as entity,
    server_change::Changes,
};
use chrono::{NaiveTime, Timelike};
use serde_json::{Value, json};

use super::{differences, entry, rules, server_change::Changing};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

const SUBJECT: &str = "backup_plan";
pub const PLAN: &str = "backup plan";
const EVERY_DAY: [i64; 7] = [1, 2, 3, 4, 5, 6, 7];
const TIME: &str = "03:00";
const KEEP: i64 = 7;

/// What a plan says, within its bounds.
struct Schedule {
    days: Vec<i32>,
    minute: i32,
    keep: i32,
}

pub async fn create(ctx: &Context, actor: &Actor, input: CreateBackupPlan) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let CreateBackupPlan { name, days, time, keep } = input;
    let days = days.unwrap_or_else(|| EVERY_DAY.to_vec());
    let Schedule { days, minute, keep } =
        check(&name, &days, time.as_deref().unwrap_or(TIME), keep.unwrap_or(KEEP)).map_err(Error::Invalid)?;
    let now = ctx.now();
    let new = NewPlan { name: name.trim().to_owned(), days, minute, keep, now };
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, new) = (actor.clone(), new.clone());
        Box::pin(async move {
            let row = backup_plan::insert(tx, new).await?;
            let after = Some(shown(&row));
            audit::record(tx, entry(&actor, now, "create_backup_plan", (SUBJECT, row.id), None, after)).await?;
            Ok(row)
        })
    });
    made.await.map_err(taken)
}

/// Servers that have it follow what it says.
pub async fn update(ctx: &Context, actor: &Actor, id: i64, input: UpdateBackupPlan) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            let row = backup_plan::by_id(tx, id).await?.ok_or(Error::NotFound(PLAN))?;
            let changed = apply(row.clone(), input)?;
            let Some((before, after)) = differences(shown(&row), shown(&changed)) else { return Ok(row) };
            let changed = backup_plan::update(tx, changed, now).await?;
            let written = entry(&actor, now, "update_backup_plan", (SUBJECT, id), Some(before), Some(after));
            audit::record(tx, written).await?;
            Ok(changed)
        })
    });
    changed.await.map_err(taken)
}

/// Refused while servers or packages have it.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    backup_plan::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound(PLAN))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = backup_plan::by_id(tx, id).await?.ok_or(Error::NotFound(PLAN))?;
            let (servers, packages) = backup_plan::uses(tx, id).await?;
            if servers + packages > 0 {
                return Err(Error::invalid(format!(
                    "{servers} servers and {packages} packages have the backup plan {}; give them another first.",
                    row.name
                )));
            }
            backup_plan::remove(tx, id).await?;
            let before = Some(shown(&row));
            Ok(audit::record(tx, entry(&actor, now, "remove_backup_plan", (SUBJECT, id), before, None)).await?)
        })
    });
    removed.await
}

/// Which plan a server has; 0 takes it away.
pub async fn assign(ctx: &Context, actor: &Actor, server_id: i64, plan_id: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let changing = Changing::new(ctx, actor);
    let assigned = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            if plan_id != 0 && backup_plan::by_id(tx, plan_id).await?.is_none() {
                return Err(Error::NotFound(PLAN));
            }
            let changes = Changes { backup_plan_id: Some(Some(plan_id).filter(|id| *id != 0)), ..Changes::default() };
            let after = changing.write(tx, &row, changes, false).await?;
            let (before, after) = (json!({ "plan": row.backup_plan_id }), json!({ "plan": after.backup_plan_id }));
            changing.record(tx, "change_backup_plan", &row, before, after).await
        })
    });
    assigned.await
}

fn apply(mut row: entity::Model, input: UpdateBackupPlan) -> Result<entity::Model, Error> {
    let UpdateBackupPlan { name, days: new_days, time: new_time, keep } = input;
    let name = name.map_or_else(|| row.name.clone(), |name| name.trim().to_owned());
    let new_days = new_days.unwrap_or_else(|| days(&row).into_iter().map(i64::from).collect());
    let new_time = new_time.unwrap_or_else(|| time(row.minute));
    let schedule = check(&name, &new_days, &new_time, keep.unwrap_or(row.keep.into())).map_err(Error::Invalid)?;
    row.name = name;
    row.days = json!(schedule.days);
    row.minute = schedule.minute;
    row.keep = schedule.keep;
    Ok(row)
}

/// Every mistake at once.
fn check(name: &str, days: &[i64], time: &str, keep: i64) -> Result<Schedule, Vec<String>> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", name, 1, 100);
    if days.is_empty() || days.iter().any(|day| !EVERY_DAY.contains(day)) {
        errors.push("The days must be a list of 1 (Monday) to 7 (Sunday).".to_owned());
    }
    let minute = minute(time);
    if minute.is_none() {
        errors.push("The time must be HH:MM in UTC.".to_owned());
    }
    rules::within(&mut errors, "keep", keep, 1..=1_000);
    let (Some(minute), true) = (minute, errors.is_empty()) else { return Err(errors) };
    let wanted = EVERY_DAY.iter().filter(|day| days.contains(day));
    let days = wanted.filter_map(|day| i32::try_from(*day).ok()).collect();
    Ok(Schedule { days, minute, keep: i32::try_from(keep).unwrap_or(1) })
}

/// Minutes since midnight.
fn minute(text: &str) -> Option<i32> {
    let time = NaiveTime::parse_from_str(text.trim(), "%H:%M").ok()?;
    i32::try_from(time.hour() * 60 + time.minute()).ok()
}

/// `HH:MM`.
pub fn time(minute: i32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn shown(row: &entity::Model) -> Value {
    json!({ "name": row.name, "days": row.days, "time": time(row.minute), "keep": row.keep })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("backup_plans", &["name"]) => {
            Error::Conflict("A backup plan of that name exists already.".to_owned())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for text in ["00:00", "03:05", "23:59"] {
            assert_eq!(minute(text).map(time).as_deref(), Some(text));
        }
        for text in ["", "24:00", "3", "03:60", "03:05:00", "-1:00", "03:05Z", "noon"] {
            assert_eq!(minute(text), None, "{text}");
        }
    }

    #[test]
    fn days_come_in_any_order_and_every_mistake_is_told_at_once() {
        assert_eq!(check("Weekend", &[7, 6, 7], "03:00", 1).map(|plan| plan.days), Ok(vec![6, 7]));
        assert_eq!(check("", &[0], "x", 0).map(|plan| plan.days).unwrap_err().len(), 4);
        assert_eq!(check("Never", &[], "03:00", 1).map(|plan| plan.days).unwrap_err().len(), 1);
    }
}
