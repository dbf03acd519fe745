//! One's credit, what one used, and what was booked.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    page::Page,
    panel::billing::{Bill, BillServer, BillTax, Billing, BillingMonth, LedgerLine},
    time,
};
use berth_store::entity::ledger_entry;

use super::{
    session::Person,
    shop::{amount, currency, pack},
};
use crate::{
    Context, Error,
    actions::self_service::{bills, offers, settings::decimal, statements, usage::Money},
    http::{STATEMENT_STATUS, extract::Query, page::PageRequest},
    self_service::hours::Month,
};

/// Retrieve one's credit and resource packs.
#[utoipa::path(get, path = "/billing", tag = "Billing", operation_id = "get_billing",
    responses((status = 200, description = "How it stands.", body = Data<Billing>)))]
pub async fn billing(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Billing>>, Error> {
    let (db, user) = (ctx.store.read(), &person.user);
    let credit = bills::credit(&ctx, &person.actor(), user).await?;
    let data = Billing {
        currency: currency(&credit.money),
        credit: amount(&credit.money, credit.micro),
        prepaid: user.self_service_hourly_credit,
        low: credit.is_low,
        out_since: credit.account.out_since_at.map(time::offset),
        suspended: credit.account.suspended_at.map(time::offset),
        months: credit.months.into_iter().map(month).collect(),
        packs: offers::packs(db, user.id).await?.into_iter().map(pack).collect(),
        hourly_pack: offers::hourly_pack(db, user.id).await?.map(pack),
    };
    Ok(Json(Data { data }))
}

/// Retrieve what one used in a month, by server.
#[utoipa::path(get, path = "/billing/usage", tag = "Billing", operation_id = "get_bill",
    params(("month" = Option<String>, Query, description = "YYYY-MM, by default this month.")),
    responses((status = 200, description = "The usage.", body = Data<Bill>),
        (status = 422, description = "It is no month.")))]
pub async fn bill(State(ctx): State<Context>, person: Person, query: Query) -> Result<Json<Data<Bill>>, Error> {
    let month = statements::named_month(&ctx, query.text("month"))?;
    Ok(Json(Data { data: shown(bills::bill(&ctx, &person.actor(), &person.user, month).await?) }))
}

/// List what was booked in a month, the newest first.
#[utoipa::path(get, path = "/billing/ledger", tag = "Billing", operation_id = "list_ledger",
    params(("month" = Option<String>, Query, description = "YYYY-MM, by default this month."),
        ("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of lines.", body = Page<LedgerLine>),
        (status = 422, description = "Which values are wrong.")))]
pub async fn ledger(
    State(ctx): State<Context>,
    person: Person,
    query: Query,
    page: PageRequest,
) -> Result<Json<Page<LedgerLine>>, Error> {
    let month = statements::named_month(&ctx, query.text("month"))?;
    let part = (page.offset(), page.results);
    let (rows, total) = bills::lines(&ctx, &person.actor(), &person.user, month, part).await?;
    let times = (month.end(), ctx.now());
    let money = Money::of(ctx.store.read(), person.user.id, None, times).await?;
    let lines = rows.into_iter().map(|(row, server)| line(&money, row, server)).collect();
    Ok(Json(page.wrap(lines, total)))
}

/// Download a month of one's ledger: the balance before, what was paid, what was used, the balance after.
///
/// Until the month is over and all of its hours are booked it is `provisional`, and says so; then it is `final`, and no
/// line of it comes or goes any more. The header `Statement-Status` has that word.
#[utoipa::path(get, path = "/billing/statement", tag = "Billing", operation_id = "get_statement",
    params(("month" = Option<String>, Query, description = "YYYY-MM, by default this month."),
        ("format" = Option<String>, Query, description = "csv, the default, or pdf.")),
    responses((status = 200, description = "The statement, or a PDF of it.", body = String, content_type = "text/csv",
            headers(("Statement-Status" = String, description = "final or provisional."))),
        (status = 422, description = "It is no month, or no format.")))]
pub async fn statement(State(ctx): State<Context>, person: Person, query: Query) -> Result<Response, Error> {
    let month = statements::named_month(&ctx, query.text("month"))?;
    let format = statements::Format::parse(query.text("format"))?;
    let file = statements::of_customer(&ctx, &person.actor(), &person.user, month, format).await?;
    let name = format!("attachment; filename=\"{}\"", file.name);
    let headers = [
        (header::CONTENT_TYPE, file.content_type.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (STATEMENT_STATUS, file.status.to_owned()),
    ];
    Ok((headers, file.bytes).into_response())
}

fn shown(found: bills::Bill) -> Bill {
    let bills::Bill { month, is_provisional, money, total_micro, tax, servers } = found;
    let server = |one: bills::OfServer| BillServer {
        uuid: one.uuid.to_string(),
        name: one.name,
        hours: one.hours,
        amount: amount(&money, one.micro),
    };
    let tax = tax.map(|tax| BillTax {
        percent: decimal(tax.bp, 2),
        included: tax.is_included,
        amount: amount(&money, tax.micro),
    });
    let servers = servers.into_iter().map(server).collect();
    let (month, provisional, total) = (month.short(), is_provisional, amount(&money, total_micro));
    Bill { month, provisional, currency: currency(&money), total, tax, servers }
}

fn month((month, provisional): (Month, bool)) -> BillingMonth {
    BillingMonth { month: month.short(), provisional }
}

fn line(money: &Money, row: ledger_entry::Model, server: Option<String>) -> LedgerLine {
    let ledger_entry::Model { id, kind, amount_micro, at, item, quantity, .. } = row;
    LedgerLine { id, kind, amount: amount(money, amount_micro), at: time::offset(at), server, item, quantity }
}
