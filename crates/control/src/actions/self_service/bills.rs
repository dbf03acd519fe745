//! A customer's own view of their books: credit, a month's usage by server, and the lines of the ledger.

use berth_store::{
    Db, Micros,
    entity::{ledger_entry, self_service_account, user},
    self_service::{
        account, finality,
        ledger::{self, SERVER},
        meter, settings as settings_row,
    },
};

use super::{
    settings, statements,
    usage::{MOST_MONTHS_AGO, Money},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    self_service::{hours::Month, money},
};

/// What a customer has.
pub struct Credit {
    pub money: Money,
    pub micro: i64,
    pub is_low: bool,
    pub account: self_service_account::Model,
    /// The newest first, each with whether its statement is provisional.
    pub months: Vec<(Month, bool)>,
}

pub async fn credit(ctx: &Context, actor: &Actor, owner: &user::Model) -> Result<Credit, Error> {
    actor.require(Ability::Read)?;
    let (db, now) = (ctx.store.read(), ctx.now());
    let final_until = finality::get(db).await?;
    let with = |month: Month| (month, final_until < month.end());
    let micro = ledger::balance(db, owner.id).await?;
    let highest = settings_row::low_credit(&settings_row::get(db).await?).into_iter().max();
    Ok(Credit {
        money: Money::of(db, owner.id, None, (now, now)).await?,
        micro,
        is_low: owner.self_service_hourly_credit && micro < highest.unwrap_or(0).max(1),
        account: account::get(db, owner.id).await?,
        months: months(db, owner.id, now).await?.into_iter().map(with).collect(),
    })
}

/// This one, and those in which something was booked, as far back as reports go.
async fn months(db: &impl Db, user_id: i64, now: Micros) -> Result<Vec<Month>, Error> {
    let this = Month::of(now);
    let mut months = vec![this];
    let mut before = this.start();
    while let Some(at) = ledger::newest_before(db, user_id, before).await? {
        let month = Month::of(at);
        if month < this.earlier(MOST_MONTHS_AGO) {
            break;
        }
        months.push(month);
        before = month.start();
    }
    Ok(months)
}

/// What was used in a month, amounts in micro-tokens.
pub struct Bill {
    pub month: Month,
    /// Whether something may still be booked in it.
    pub is_provisional: bool,
    pub money: Money,
    pub total_micro: i64,
    pub tax: Option<Tax>,
    pub servers: Vec<OfServer>,
}

pub struct Tax {
    /// In hundredths of a percent.
    pub bp: i64,
    pub is_included: bool,
    pub micro: i64,
}

pub struct OfServer {
    pub uuid: uuid::Uuid,
    pub name: String,
    pub hours: i64,
    pub micro: i64,
}

pub async fn bill(ctx: &Context, actor: &Actor, owner: &user::Model, month: Month) -> Result<Bill, Error> {
    actor.require(Ability::Read)?;
    let (db, now) = (ctx.store.read(), ctx.now());
    let is_provisional = statements::is_provisional(db, month).await?;
    let mut servers: Vec<(i64, OfServer)> = Vec::new();
    for sum in ledger::sums(db, owner.id, month.start(), month.end()).await? {
        if servers.last().is_none_or(|(id, _)| *id != sum.server_id) {
            servers.push((sum.server_id, OfServer { uuid: sum.server_uuid, name: sum.name, hours: 0, micro: 0 }));
        }
        let Some((_, server)) = servers.last_mut() else { continue };
        server.hours += if sum.item == SERVER { sum.hours } else { 0 };
        server.micro += sum.billable_micro;
    }
    let servers: Vec<OfServer> = servers.into_iter().map(|(_, server)| server).collect();
    let total_micro = servers.iter().map(|server| server.micro).sum();
    let tax = tax(db, now, total_micro).await?;
    let money = Money::of(db, owner.id, None, (month.end(), now)).await?;
    Ok(Bill { month, is_provisional, money, total_micro, tax, servers })
}

/// As the settings show it; none where they show none.
async fn tax(db: &impl Db, now: Micros, total_micro: i64) -> Result<Option<Tax>, Error> {
    let row = settings::current(db, now).await?.row;
    let is_included = row.tax_status == 1;
    let of = || Tax { bp: row.tax_bp, is_included, micro: money::tax(total_micro, row.tax_bp, is_included) };
    Ok((row.tax_status != 3).then(of))
}

/// Lines of a month, the newest first, each with its server's name, and how many there are.
pub async fn lines(
    ctx: &Context,
    actor: &Actor,
    owner: &user::Model,
    month: Month,
    (offset, limit): (u64, u64),
) -> Result<(Vec<(ledger_entry::Model, Option<String>)>, u64), Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let time = (month.start(), month.end());
    let (rows, total) = ledger::page_of_time(db, owner.id, time, offset, limit).await?;
    let mut ids: Vec<i64> = rows.iter().filter_map(|row| row.server_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let names = meter::names(db, &ids).await?;
    let name = |id: i64| names.iter().find(|(server, _)| *server == id).map(|(_, name)| name.clone());
    let with = |row: ledger_entry::Model| {
        let name = row.server_id.and_then(name);
        (row, name)
    };
    Ok((rows.into_iter().map(with).collect(), total))
}
