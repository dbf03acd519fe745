//! What users used.

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
};
use berth_api::{
    data::Data,
    v1::self_service_usage::{HourlyStats, Report, Usage},
};

use crate::{
    Context, Error,
    actions::self_service::{
        statements,
        usage::{self as action, MOST_MONTHS_AGO},
    },
    actor::Actor,
    http::{STATEMENT_STATUS, extract::Query, v1::users::read},
    self_service::period::{Period, Range},
};

/// Retrieve figures of what a user has by the hour.
#[utoipa::path(get, path = "/selfService/hourlyStats/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text."),
        ("period[]" = Option<Vec<String>>, Query, description = "First days, YYYY-MM-DD; by default this month's."),
        ("range" = Option<String>, Query, description = "d, w, 2w, 3w or m, by default m.")),
    responses((status = 200, description = "The figures.", body = Data<HourlyStats>),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn hourly_stats(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<Json<Data<HourlyStats>>, Error> {
    let period = periods(&ctx, &query)?[0];
    Ok(Json(Data { data: action::stats(&ctx, &actor, &read(&query, relation)?, period).await? }))
}

/// Retrieve a user's usage, by period.
#[utoipa::path(get, path = "/selfService/usage/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text."),
        ("period[]" = Option<Vec<String>>, Query, description = "First days, YYYY-MM-DD; by default this month's."),
        ("range" = Option<String>, Query, description = "d, w, 2w, 3w or m, by default m.")),
    responses((status = 200, description = "The usage.", body = Data<Usage>),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn usage(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<Json<Data<Usage>>, Error> {
    let periods = periods(&ctx, &query)?;
    Ok(Json(Data { data: action::usage(&ctx, &actor, &read(&query, relation)?, &periods).await? }))
}

/// Generate a report of a month, in a currency.
#[utoipa::path(get, path = "/selfService/report/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text."),
        ("period" = Option<u32>, Query, description = "How many months ago, 0 to 24; by default this month."),
        ("currency" = Option<String>, Query, description = "A code; by default the user's currency.")),
    responses((status = 200, description = "The report.", body = Data<Report>),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn report(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<Json<Data<Report>>, Error> {
    let months = query.number::<u32>("period")?.unwrap_or(0);
    if months > MOST_MONTHS_AGO {
        return Err(Error::invalid(format!("The period must be between 0 and {MOST_MONTHS_AGO}.")));
    }
    let relation = read(&query, relation)?;
    Ok(Json(Data { data: action::report(&ctx, &actor, &relation, months, query.text("currency")).await? }))
}

/// Retrieve a month of a user's ledger as CSV or PDF.
///
/// An addition of Berth's. The balance before, what was paid, what was used, the balance after. Until the month is over
/// and all of its hours are booked it is `provisional`, and says so; then it is `final`, and no line of it comes or goes
/// any more. The header `Statement-Status` has that word.
#[utoipa::path(get, path = "/selfService/statement/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text."),
        ("month" = Option<String>, Query, description = "YYYY-MM, by default this month."),
        ("format" = Option<String>, Query, description = "csv, the default, or pdf.")),
    responses((status = 200, description = "The statement, or a PDF of it.", body = String, content_type = "text/csv",
            headers(("Statement-Status" = String, description = "final or provisional."))),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn statement(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let (relation, format) = (read(&query, relation)?, statements::Format::parse(query.text("format"))?);
    let file = statements::statement(&ctx, &actor, &relation, query.text("month"), format).await?;
    Ok(([(header::CONTENT_TYPE, file.content_type), (STATEMENT_STATUS, file.status)], file.bytes))
}

/// At least one.
fn periods(ctx: &Context, query: &Query) -> Result<Vec<Period>, Error> {
    Period::all(query.all("period"), Range::parse(query.text("range"))?, ctx.now())
}
