//! What a customer used: by period, as figures of a month, and as a report in a currency. All from the ledger.

use berth_api::{
    time,
    tokens::{self, Tokens},
    v1::self_service_usage::{
        AddonsTotal, HourlyStats, OrFalse, Report, ReportCurrency, ReportDefaultCurrency, ReportLimits, ReportLine,
        ReportPeriod, ReportServer, ReportTax, ReportTotal, ReportUsage, StatsCredit, StatsCurrency, StatsTotal, Usage,
        UsagePeriod, UsageServer, UsageSum, UsageTotals, UsageUser,
    },
};
use berth_store::{
    Db, Micros,
    entity::{currency as currency_entity, user},
    self_service::{
        account, currency,
        ledger::{self, SERVER, Sum},
        rate,
    },
    user::Relation,
};

use super::{customer, settings, user_packs};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::{DAY, HOUR, MINUTE, SECOND},
    self_service::{
        hours::{self, Month},
        money,
        period::{Period, Range},
        rating::MONTH_HOURS,
    },
};

/// Months that a report goes back.
pub const MOST_MONTHS_AGO: u32 = 24;

/// Each of the periods, and all together.
pub async fn usage(ctx: &Context, actor: &Actor, relation: &Relation, periods: &[Period]) -> Result<Usage, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let owner = customer(db, relation).await?;
    let account = account::get(db, owner.id).await?;
    let chosen = match account.currency_id {
        Some(id) => currency::by_id(db, id).await?.map(|row| row.code),
        None => None,
    };
    let mut total = UsageTotals::default();
    let mut shown = Vec::new();
    for period in periods {
        let one = of_period(db, owner.id, *period, ctx.now()).await?;
        add_totals(&mut total, &one.total);
        shown.push(one);
    }
    rounded(&mut total);
    let user::Model { id, ext_relation_id, timezone, name, email, .. } = owner;
    let relational_id = ext_relation_id.unwrap_or(0);
    let user = UsageUser { id, relational_id, currency: chosen, timezone, name, email };
    Ok(Usage { user, total, periods: shown })
}

async fn of_period(db: &impl Db, user_id: i64, period: Period, now: Micros) -> Result<UsagePeriod, Error> {
    let sums = ledger::sums(db, user_id, period.start(), period.until()).await?;
    let month = Month::of(period.start());
    let said = rate::at(db, rate::MONTH_HOURS, now.min(period.end())).await?.unwrap_or(MONTH_HOURS);
    let (month_to_hour_rate, month_to_hour_rate_type) = if said == 0 { (month.hours(), 2) } else { (said, 1) };
    let length = period.until() - period.start();
    let mut servers: Vec<UsageServer> = Vec::new();
    let mut total = UsageTotals::default();
    for sum in &sums {
        add(&mut total, sum);
        if servers.last().is_none_or(|server| server.id != sum.server_id) {
            let (id, uuid, name) = (sum.server_id, sum.server_uuid.to_string(), sum.name.clone());
            servers.push(UsageServer { id, uuid, name, total: UsageTotals::default() });
        }
        if let Some(server) = servers.last_mut() {
            add(&mut server.total, sum);
        }
    }
    rounded(&mut total);
    servers.iter_mut().for_each(|server| rounded(&mut server.total));
    Ok(UsagePeriod {
        period: period.first.to_string(),
        range: period.range.word().to_owned(),
        start: time::offset(period.start()),
        end: time::offset(period.end()),
        timezone: "UTC".to_owned(),
        current_period: period.holds(now),
        hours_in_month_period: month.hours(),
        month_to_hour_rate,
        month_to_hour_rate_type,
        days: length / DAY,
        hours: length / HOUR,
        minutes: length / MINUTE,
        seconds: length / SECOND,
        total,
        servers,
    })
}

fn add(totals: &mut UsageTotals, sum: &Sum) {
    let (all, billable) = if sum.item == SERVER {
        (&mut totals.usage_servers, &mut totals.usage_servers_billable)
    } else {
        (&mut totals.usage_addons, &mut totals.usage_addons_billable)
    };
    all.hours += sum.hours;
    all.token_real.0 += sum.rated_micro;
    billable.hours += sum.billable_hours;
    billable.token_real.0 += sum.billable_micro;
}

fn each(totals: &mut UsageTotals) -> [&mut UsageSum; 4] {
    let UsageTotals { usage_servers, usage_servers_billable, usage_addons, usage_addons_billable } = totals;
    [usage_servers, usage_servers_billable, usage_addons, usage_addons_billable]
}

fn add_totals(totals: &mut UsageTotals, more: &UsageTotals) {
    let mut more = *more;
    for (sum, more) in each(totals).into_iter().zip(each(&mut more)) {
        sum.hours += more.hours;
        sum.token_real.0 += more.token_real.0;
    }
}

fn rounded(totals: &mut UsageTotals) {
    for sum in each(totals) {
        sum.token = tokens::rounded(sum.token_real.0);
    }
}

/// Figures of a period.
pub async fn stats(ctx: &Context, actor: &Actor, relation: &Relation, period: Period) -> Result<HourlyStats, Error> {
    actor.require(Ability::Read)?;
    let (db, now) = (ctx.store.read(), ctx.now());
    let owner = customer(db, relation).await?;
    let sums = ledger::sums(db, owner.id, period.start(), period.until()).await?;
    let money = Money::of(db, owner.id, None, (period.until(), now)).await?;
    let micro: i64 = sums.iter().map(|sum| sum.billable_micro).sum();
    let hours = sums.iter().filter(|sum| sum.item == SERVER).map(|sum| sum.billable_hours).sum();
    let mut servers: Vec<i64> = sums.iter().map(|sum| sum.server_id).collect();
    servers.dedup();
    Ok(HourlyStats {
        period_id: periods_ago(period, now),
        period: period.name(),
        previous_period: period.previous().name(),
        next_period: period.next().name(),
        monthly_total: StatsTotal {
            hours,
            value: money.amount(micro),
            tokens: OrFalse::when(!sums.is_empty(), Tokens(micro)),
        },
        servers: i64::try_from(servers.len()).unwrap_or(i64::MAX),
        credit: StatsCredit { value: Tokens(ledger::balance(db, owner.id).await?) },
        currency: money.of_stats(),
    })
}

fn periods_ago(period: Period, now: Micros) -> i64 {
    if period.range == Range::Month {
        return Month::of(period.start()).until(Month::of(now));
    }
    (now - period.start()).div_euclid((period.until() - period.start()).max(1))
}

/// A currency, what a token was worth in it, and what it is worth now.
pub struct Money {
    chosen: Option<currency_entity::Model>,
    default: Option<currency_entity::Model>,
    value: i64,
}

impl Money {
    /// `times` are the end of what is shown, and now.
    pub(crate) async fn of(
        db: &impl Db,
        user_id: i64,
        code: Option<&str>,
        times: (Micros, Micros),
    ) -> Result<Self, Error> {
        let all = currency::all(db).await?;
        let theirs = account::get(db, user_id).await?.currency_id;
        let chosen = money::choose(&all, code, theirs).cloned();
        if code.is_some() && chosen.is_none() {
            return Err(Error::invalid("The currency must be the code of an enabled currency."));
        }
        let value = match &chosen {
            // What a first value was said later for is shown by that one.
            Some(row) => {
                let then = rate::at(db, &rate::currency(row.id), times.0.min(times.1)).await?;
                then.unwrap_or(row.value)
            }
            None => 0,
        };
        Ok(Self { chosen, default: all.into_iter().find(|row| row.is_default), value })
    }

    pub fn amount(&self, micro: i64) -> String {
        money::amount(micro, self.value)
    }

    /// As [`Money::amount`], with the decimals that an hour's price needs.
    pub fn fine(&self, micro: i64) -> String {
        money::fine(micro, self.value)
    }

    pub fn currency(&self) -> Option<&currency_entity::Model> {
        self.chosen.as_ref()
    }

    fn texts(row: Option<&currency_entity::Model>) -> (String, String, String) {
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        (
            text(row.map(|row| &row.code)),
            text(row.and_then(|row| row.prefix.as_ref())),
            text(row.and_then(|row| row.suffix.as_ref())),
        )
    }

    /// Of a token, when it was and now.
    fn values(&self) -> (f64, f64) {
        let current = self.chosen.as_ref().map_or(0, |row| row.value);
        (settings::decimal(self.value, 10), settings::decimal(current, 10))
    }

    fn of_stats(&self) -> StatsCurrency {
        let ((code, prefix, suffix), (value, current_value)) = (Self::texts(self.chosen.as_ref()), self.values());
        StatsCurrency { code, prefix, suffix, value, current_value }
    }

    fn of_report(&self) -> ReportCurrency {
        let ((code, prefix, suffix), (value, current_value)) = (Self::texts(self.chosen.as_ref()), self.values());
        let (default_code, default_prefix, default_suffix) = Self::texts(self.default.as_ref());
        let default = ReportDefaultCurrency { prefix: default_prefix, suffix: default_suffix, code: default_code };
        ReportCurrency { prefix, suffix, code, current_value, value, default }
    }
}

/// Of the month that was so many months ago.
pub async fn report(
    ctx: &Context,
    actor: &Actor,
    relation: &Relation,
    months_ago: u32,
    code: Option<&str>,
) -> Result<Report, Error> {
    actor.require(Ability::Read)?;
    let (db, now) = (ctx.store.read(), ctx.now());
    let owner = customer(db, relation).await?;
    let month = Month::of(now).earlier(months_ago);
    let money = Money::of(db, owner.id, code, (month.end(), now)).await?;
    let set = settings::current(db, now).await?;
    let sums = ledger::sums(db, owner.id, month.start(), month.end()).await?;
    let said = rate::at(db, rate::MONTH_HOURS, now.min(month.end() - 1)).await?.unwrap_or(MONTH_HOURS);
    let month_hours = if said == 0 { month.hours() } else { said };
    let is_any = !sums.is_empty();
    let of = |is_server: bool| {
        let some = sums.iter().filter(move |sum| (sum.item == SERVER) == is_server);
        some.fold((0, 0), |(hours, micro), sum| (hours + sum.billable_hours, micro + sum.billable_micro))
    };
    let (servers, addons) = (of(true), of(false));
    let monthly = (servers.0, servers.1 + addons.1);
    let total = |(hours, micro): (i64, i64)| ReportTotal {
        hours: OrFalse::when(is_any, hours),
        value: OrFalse::when(is_any, money.amount(micro)),
        tokens: OrFalse::when(is_any, Tokens(micro)),
    };
    let usage = ReportUsage {
        servers: by_server(&sums, &money, &set, month_hours),
        servers_total: total(servers),
        hour_conversion_rate: OrFalse::when(is_any, month_hours),
        monthly_total: total(monthly),
        addons_total: AddonsTotal {
            hours: addons.0,
            value: money.amount(addons.1).parse().unwrap_or(0.0),
            tokens: OrFalse::when(addons.0 > 0, Tokens(addons.1)),
        },
        tax_status: set.row.tax_status,
        tax: tax(&set, &money, monthly.1),
        success: is_any,
        history: months_ago.to_string(),
        breakdown: true,
        term: month.name(),
        previous_term: month.earlier(1).name(),
        next_term: month.later(1).name(),
        period: ReportPeriod {
            ymd: hours::date(month.start()).to_string(),
            start: time::offset(month.start()),
            end: time::offset(month.end() - DAY),
        },
        show_hourly_rate: set.row.show_hourly_rate,
        show_monthly_rate: set.row.show_monthly_rate,
    };
    let limits = ReportLimits { success: true, packs: user_packs::all(db, owner.id).await? };
    Ok(Report { usage, currency: money.of_report(), limits })
}

fn tax(set: &settings::Current, money: &Money, micro: i64) -> Option<ReportTax> {
    if set.row.tax_status == 3 {
        return None;
    }
    let tax = money::tax(micro, set.row.tax_bp, set.row.tax_status == 1);
    Some(ReportTax { percent: settings::decimal(set.row.tax_bp, 2), value: money.amount(tax), tokens: Tokens(tax) })
}

fn by_server(sums: &[Sum], money: &Money, set: &settings::Current, month_hours: i64) -> Vec<ReportServer> {
    let mut servers: Vec<ReportServer> = Vec::new();
    for sum in sums {
        if servers.last().is_none_or(|server| server.id != sum.server_id) {
            servers.push(ReportServer {
                id: sum.server_id,
                uuid: sum.server_uuid.to_string(),
                name: sum.name.clone(),
                lines: Vec::new(),
                hours: 0,
                value: String::new(),
                tokens: Tokens(0),
            });
        }
        let Some(server) = servers.last_mut() else { continue };
        server.hours += if sum.item == SERVER { sum.billable_hours } else { 0 };
        server.tokens.0 += sum.billable_micro;
        server.lines.push(ReportLine {
            item: sum.item.clone(),
            package_id: sum.package_id,
            quantity: sum.quantity,
            hours: sum.hours,
            billable_hours: sum.billable_hours,
            monthly_rate: Some(Tokens(sum.price_micro)).filter(|_| set.row.show_monthly_rate),
            hourly_rate: Some(Tokens(sum.price_micro / month_hours.max(1))).filter(|_| set.row.show_hourly_rate),
            value: money.amount(sum.billable_micro),
            tokens: Tokens(sum.billable_micro),
        });
    }
    for server in &mut servers {
        server.value = money.amount(server.tokens.0);
    }
    servers
}
