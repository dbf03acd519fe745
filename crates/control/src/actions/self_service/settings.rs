//! How self service is set up.

use berth_api::{
    tokens::{self, Tokens},
    v1::self_service_settings::{AddonPrices, ChangeAddonPrices, ChangeSelfServiceSettings, SelfServiceSettings},
};
use berth_store::{
    Db, Micros, audit,
    entity::self_service_setting::Model,
    self_service::{rate, settings},
};
use serde_json::{Value, json};

use crate::{
    Context, Error,
    actions::{differences, entry, rules},
    actor::{Ability, Actor},
    self_service::rating::MONTH_HOURS,
};

/// Of a month billed as 730 hours, and as the hours that it has.
const FIXED: i32 = 1;
const REAL: i32 = 2;
const MOST_THRESHOLDS: usize = 10;
/// Micro-tokens a month.
pub(super) const PRICE: std::ops::RangeInclusive<i64> = 0..=1_000_000_000 * tokens::MICRO;
/// A year.
const MOST_HOURS: i64 = 8_784;

/// Everything that is set, prices as they hold now.
#[derive(Clone, Debug, PartialEq)]
pub struct Current {
    pub row: Model,
    pub month_type: i32,
    /// Of the add-ons, in micro-tokens: addresses, storage, memory, cores.
    pub addons: [i64; 4],
}

const ADDONS: [&str; 4] = ["ipv4", "storage", "memory", "cpu"];

pub async fn current(db: &impl Db, now: Micros) -> Result<Current, Error> {
    let month_hours = rate::at(db, rate::MONTH_HOURS, now).await?.unwrap_or(MONTH_HOURS);
    let mut addons = [0; 4];
    for (item, price) in ADDONS.into_iter().zip(&mut addons) {
        *price = rate::at(db, &rate::addon(item), now).await?.unwrap_or(0);
    }
    let month_type = if month_hours == 0 { REAL } else { FIXED };
    Ok(Current { row: settings::get(db).await?, month_type, addons })
}

pub async fn retrieve(ctx: &Context, actor: &Actor) -> Result<SelfServiceSettings, Error> {
    actor.require(Ability::Read)?;
    Ok(shown(&current(ctx.store.read(), ctx.now()).await?))
}

pub async fn change(
    ctx: &Context,
    actor: &Actor,
    input: ChangeSelfServiceSettings,
) -> Result<SelfServiceSettings, Error> {
    actor.require(Ability::Own)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            let before = current(tx, now).await?;
            let after = apply(before.clone(), input)?;
            let Some((old, new)) = differences(told(&before), told(&after)) else { return Ok(before) };
            settings::set(tx, Model { updated_at: now, ..after.row.clone() }).await?;
            if before.month_type != after.month_type {
                let hours = if after.month_type == REAL { 0 } else { MONTH_HOURS };
                rate::set(tx, rate::MONTH_HOURS, hours, now).await?;
            }
            for (n, item) in ADDONS.into_iter().enumerate() {
                if before.addons[n] != after.addons[n] {
                    rate::set(tx, &rate::addon(item), after.addons[n], now).await?;
                }
            }
            let subject = ("self_service", after.row.id);
            audit::record(tx, entry(&actor, now, "change_self_service", subject, Some(old), Some(new))).await?;
            Ok(after)
        })
    });
    Ok(shown(&changed.await?))
}

/// Every mistake at once.
fn apply(mut to: Current, input: ChangeSelfServiceSettings) -> Result<Current, Error> {
    let ChangeSelfServiceSettings {
        month_to_hour_rate_type,
        tax_status,
        tax_percent,
        show_hourly_rate,
        show_monthly_rate,
        low_credit,
        suspend_after_hours,
        delete_after_hours,
        addons,
    } = input;
    let mut errors = Vec::new();
    if let Some(code) = month_to_hour_rate_type {
        rules::within(&mut errors, "monthToHourRateType", code, 1..=2);
        to.month_type = i32::try_from(code).unwrap_or(FIXED);
    }
    if let Some(code) = tax_status {
        rules::within(&mut errors, "taxStatus", code, 1..=3);
        to.row.tax_status = i32::try_from(code).unwrap_or(3);
    }
    if let Some(text) = tax_percent {
        match tokens::parse(&text, 2).filter(|bp| (0..=10_000).contains(bp)) {
            Some(bp) => to.row.tax_bp = bp,
            None => errors.push("The taxPercent must be between 0 and 100, with at most two decimals.".to_owned()),
        }
    }
    to.row.show_hourly_rate = show_hourly_rate.unwrap_or(to.row.show_hourly_rate);
    to.row.show_monthly_rate = show_monthly_rate.unwrap_or(to.row.show_monthly_rate);
    if let Some(thresholds) = low_credit {
        to.row.low_credit = json!(self::thresholds(&mut errors, &thresholds));
    }
    to.row.suspend_after_h = suspend_after_hours.unwrap_or(to.row.suspend_after_h);
    to.row.delete_after_h = delete_after_hours.unwrap_or(to.row.delete_after_h);
    rules::within(&mut errors, "suspendAfterHours", to.row.suspend_after_h, 0..=MOST_HOURS);
    rules::within(&mut errors, "deleteAfterHours", to.row.delete_after_h, 0..=MOST_HOURS);
    if to.row.delete_after_h > 0 && to.row.delete_after_h <= to.row.suspend_after_h {
        errors.push("The deleteAfterHours must be 0, or more than the suspendAfterHours.".to_owned());
    }
    prices(&mut errors, &mut to.addons, addons.unwrap_or_default());
    rules::done(errors)?;
    Ok(to)
}

fn thresholds(errors: &mut Vec<String>, asked: &[Tokens]) -> Vec<i64> {
    let mut micro: Vec<i64> = asked.iter().map(|tokens| tokens.0).collect();
    micro.sort_unstable_by(|a, b| b.cmp(a));
    micro.dedup();
    if micro.len() > MOST_THRESHOLDS || micro.iter().any(|one| *one <= 0 || !PRICE.contains(one)) {
        errors.push(format!("The lowCredit must be at most {MOST_THRESHOLDS} amounts above 0."));
    }
    micro
}

fn prices(errors: &mut Vec<String>, held: &mut [i64; 4], asked: ChangeAddonPrices) {
    let ChangeAddonPrices { ipv4, storage, memory, cpu } = asked;
    for ((item, asked), price) in ADDONS.into_iter().zip([ipv4, storage, memory, cpu]).zip(held) {
        let Some(Tokens(micro)) = asked else { continue };
        if !PRICE.contains(&micro) {
            errors.push(format!("The addons.{item} must be between 0 and 1000000000."));
        }
        *price = micro;
    }
}

/// In the audit log, prices in micro-tokens.
fn told(current: &Current) -> Value {
    let Current { row, month_type, addons: [ipv4, storage, memory, cpu] } = current;
    json!({
        "monthToHourRateType": month_type,
        "taxStatus": row.tax_status,
        "taxHundredths": row.tax_bp,
        "showHourlyRate": row.show_hourly_rate,
        "showMonthlyRate": row.show_monthly_rate,
        "lowCredit": row.low_credit,
        "suspendAfterHours": row.suspend_after_h,
        "deleteAfterHours": row.delete_after_h,
        "ipv4": ipv4,
        "storage": storage,
        "memory": memory,
        "cpu": cpu,
    })
}

/// Hundredths as a number for people.
#[expect(clippy::cast_precision_loss, reason = "percents and values of tokens are small")]
pub fn decimal(value: i64, decimals: i32) -> f64 {
    value as f64 / 10_f64.powi(decimals)
}

fn shown(current: &Current) -> SelfServiceSettings {
    let Current { row, month_type, addons: [ipv4, storage, memory, cpu] } = current;
    SelfServiceSettings {
        month_to_hour_rate_type: *month_type,
        tax_status: row.tax_status,
        tax_percent: decimal(row.tax_bp, 2),
        show_hourly_rate: row.show_hourly_rate,
        show_monthly_rate: row.show_monthly_rate,
        low_credit: settings::low_credit(row).into_iter().map(Tokens).collect(),
        suspend_after_hours: row.suspend_after_h,
        delete_after_hours: row.delete_after_h,
        addons: AddonPrices {
            ipv4: Tokens(*ipv4),
            storage: Tokens(*storage),
            memory: Tokens(*memory),
            cpu: Tokens(*cpu),
        },
    }
}
