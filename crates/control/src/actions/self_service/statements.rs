//! A customer's month of the ledger as a file.

use berth_store::{
    Db,
    entity::user,
    self_service::{finality, ledger},
    user::Relation,
};

use super::{customer, settings, usage::Money};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    self_service::{
        hours::Month,
        money,
        statement::{self, Statement},
        statement_pdf::{self, Letterhead},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Pdf,
}

impl Format {
    /// CSV where none is named.
    pub fn parse(text: Option<&str>) -> Result<Self, Error> {
        match text {
            None | Some("csv") => Ok(Self::Csv),
            Some("pdf") => Ok(Self::Pdf),
            Some(_) => Err(Error::invalid("The format must be csv or pdf.")),
        }
    }
}

const FINAL: &str = "final";

/// What is downloaded.
pub struct File {
    pub content_type: &'static str,
    pub name: String,
    /// `final`, or `provisional` as long as it may change.
    pub status: &'static str,
    pub bytes: Vec<u8>,
}

/// This month where none is named.
pub fn named_month(ctx: &Context, text: Option<&str>) -> Result<Month, Error> {
    let Some(text) = text else { return Ok(Month::of(ctx.now())) };
    Month::parse(text).ok_or_else(|| Error::invalid("The month must be one such as 2025-01."))
}

pub async fn statement(
    ctx: &Context,
    actor: &Actor,
    relation: &Relation,
    month: Option<&str>,
    format: Format,
) -> Result<File, Error> {
    actor.require(Ability::Read)?;
    let owner = customer(ctx.store.read(), relation).await?;
    of_customer(ctx, actor, &owner, named_month(ctx, month)?, format).await
}

/// As [`statement`], of a customer who is known.
pub async fn of_customer(
    ctx: &Context,
    actor: &Actor,
    owner: &user::Model,
    month: Month,
    format: Format,
) -> Result<File, Error> {
    actor.require(Ability::Read)?;
    let statement = of_month(ctx.store.read(), owner.id, month).await?;
    let (content_type, ending, bytes) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv", statement::csv(&statement).into_bytes()),
        Format::Pdf => {
            let head = letterhead(ctx, owner, &statement).await?;
            ("application/pdf", "pdf", statement_pdf::pdf(&statement, &head))
        }
    };
    let status = if statement.is_provisional { statement::PROVISIONAL } else { FINAL };
    Ok(File { content_type, name: format!("statement-{}.{ending}", month.short()), status, bytes })
}

/// Whether something may still be booked in a month. Asked before the ledger is read: what is final then is read whole.
pub async fn is_provisional(db: &impl Db, month: Month) -> Result<bool, Error> {
    Ok(finality::get(db).await? < month.end())
}

async fn of_month(db: &impl Db, user_id: i64, month: Month) -> Result<Statement, Error> {
    let (start, end) = (month.start(), month.end());
    Ok(Statement {
        month,
        is_provisional: is_provisional(db, month).await?,
        opening_micro: ledger::balance_before(db, user_id, start).await?,
        credits: ledger::credits(db, user_id, start, end).await?,
        usage: ledger::sums(db, user_id, start, end).await?,
        closing_micro: ledger::balance_before(db, user_id, end).await?,
    })
}

async fn letterhead(ctx: &Context, owner: &user::Model, statement: &Statement) -> Result<Letterhead, Error> {
    let (db, now) = (ctx.store.read(), ctx.now());
    let used: i64 = statement.usage.iter().map(|sum| sum.billable_micro).sum();
    let money = Money::of(db, owner.id, None, (statement.month.end(), now)).await?;
    let row = settings::current(db, now).await?.row;
    let percent = settings::decimal(row.tax_bp, 2);
    let tax = match row.tax_status {
        1 => Some((format!("of which {percent}% tax"), money::tax(used, row.tax_bp, true))),
        2 => Some((format!("and on top {percent}% tax"), money::tax(used, row.tax_bp, false))),
        _ => None,
    };
    Ok(Letterhead {
        seller: ctx.config.seller.clone().unwrap_or_default(),
        customer: vec![owner.name.clone(), owner.email.clone()],
        value: money.currency().map(|currency| format!("{} {}", money.amount(used), currency.code)),
        tax,
    })
}
