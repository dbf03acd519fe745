//! Credit of customers, and their ledger.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    tokens::Tokens,
    v1::self_service::{AddCredit, Credit, CreditNotice, CreditOf, LedgerEntry, MadeId},
};
use berth_store::{
    entity::{credit as entity, credit_notice, ledger_entry},
    self_service::{account, credit as credits, ledger as entries, run_out},
};

use crate::{
    Context, Error,
    actions::self_service::credits::{self as action, CREDIT},
    actor::Actor,
    http::{
        extract::{self, Body, Query},
        page::PageRequest,
        v1::users::read,
    },
};

/// Credits that a customer's credit shows.
const NEWEST: u64 = 200;

/// Add credit to a user, or take some away by a number below zero.
#[utoipa::path(post, path = "/selfService/credit/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    request_body = AddCredit,
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 201, description = "The credit's id.", body = Data<MadeId>),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn add_credit(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
    Body(input): Body<AddCredit>,
) -> Result<(StatusCode, Json<Data<MadeId>>), Error> {
    let id = action::add(&ctx, &actor, &read(&query, relation)?, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: MadeId { id } })))
}

/// Retrieve a user's credit, with the newest of what was added.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/credit/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 200, description = "The credit.", body = Data<CreditOf>),
        (status = 404, description = "No user has this relation.")))]
pub async fn credit(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<Json<Data<CreditOf>>, Error> {
    let user = action::of_user(&ctx, &actor, &read(&query, relation)?).await?;
    let db = ctx.store.read();
    let account = account::get(db, user.id).await?;
    let (rows, _) = credits::page(db, user.id, 0, NEWEST).await?;
    Ok(Json(Data {
        data: CreditOf {
            user_id: user.id,
            self_service: user.self_service,
            hourly_credit: user.self_service_hourly_credit,
            tokens: Tokens(entries::balance(db, user.id).await?),
            out_since: account.out_since_at.map(time::offset),
            suspended: account.suspended_at.map(time::offset),
            credits: rows.into_iter().map(shown).collect(),
        },
    }))
}

/// Cancel credit that was added to a user.
#[utoipa::path(delete, path = "/selfService/credit/{creditId}", tag = "Self Service",
    params(("creditId" = i64, Path, description = "A credit's id.")),
    responses((status = 204, description = "It is taken back."),
        (status = 404, description = "There is no such credit, or it was cancelled before.")))]
pub async fn cancel_credit(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    action::cancel(&ctx, &actor, extract::id(&id, CREDIT)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List what was booked for a user, the newest first.
///
/// An addition of Berth's. The credit is the sum of it.
#[utoipa::path(get, path = "/selfService/ledger/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text."),
        ("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of the ledger.", body = Page<LedgerEntry>),
        (status = 404, description = "No user has this relation.")))]
pub async fn ledger(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    page: PageRequest,
    Path(relation): Path<String>,
) -> Result<Json<Page<LedgerEntry>>, Error> {
    let user = action::of_user(&ctx, &actor, &read(&query, relation)?).await?;
    let (rows, total) = entries::page(ctx.store.read(), user.id, page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(entry_of).collect(), total)))
}

/// List what a user is told of their credit, the newest first.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/notices/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text."),
        ("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of notices.", body = Page<CreditNotice>),
        (status = 404, description = "No user has this relation.")))]
pub async fn notices(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    page: PageRequest,
    Path(relation): Path<String>,
) -> Result<Json<Page<CreditNotice>>, Error> {
    let user = action::of_user(&ctx, &actor, &read(&query, relation)?).await?;
    let (rows, total) = run_out::notices(ctx.store.read(), user.id, page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(notice_of).collect(), total)))
}

fn shown(row: entity::Model) -> Credit {
    let entity::Model { id, user_id: _, amount_micro, reference_1, reference_2, cancelled_at, created_at } = row;
    Credit {
        id,
        tokens: Tokens(amount_micro),
        reference_1,
        reference_2,
        created: time::offset(created_at),
        cancelled: cancelled_at.map(time::offset),
    }
}

fn entry_of(row: ledger_entry::Model) -> LedgerEntry {
    LedgerEntry {
        id: row.id,
        kind: row.kind,
        tokens: Tokens(row.amount_micro),
        at: time::offset(row.at),
        credit_id: row.credit_id,
        server_id: row.server_id,
        item: row.item,
        quantity: row.quantity,
        price: Tokens(row.price_micro),
        hour_of_month: row.hour_of_month,
        billable: row.billable,
    }
}

fn notice_of(row: credit_notice::Model) -> CreditNotice {
    let credit_notice::Model { id, user_id: _, kind, threshold_micro, balance_micro, created_at } = row;
    CreditNotice {
        id,
        kind,
        threshold: threshold_micro.map(Tokens),
        tokens: Tokens(balance_micro),
        at: time::offset(created_at),
    }
}
