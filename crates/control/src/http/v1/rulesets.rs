//! Rulesets of firewalls, and which of them new servers of a package get.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{
        confirm::Confirm,
        firewall::{FirewallRuleset, PackageFirewall, RulesetInput},
    },
};
use berth_store::{
    entity::{firewall_rule, firewall_ruleset as entity},
    firewall as store, package,
};

use crate::{
    Context, Error,
    actions::rulesets::{self, RULESET},
    actor::{Ability, Actor},
    firewall,
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

/// Retrieve firewall rulesets.
#[utoipa::path(get, path = "/firewall/rulesets", tag = "Firewall", operation_id = "list_rulesets",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of rulesets with their rules.", body = Page<FirewallRuleset>)))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<FirewallRuleset>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = store::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(with_rules(&ctx, rows).await?, total)))
}

/// Retrieve a firewall ruleset.
#[utoipa::path(get, path = "/firewall/rulesets/{rulesetId}", tag = "Firewall", operation_id = "retrieve_ruleset",
    params(("rulesetId" = i64, Path, description = "A ruleset's id.")),
    responses((status = 200, description = "The ruleset.", body = Data<FirewallRuleset>),
        (status = 404, description = "There is no such ruleset.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<FirewallRuleset>>, Error> {
    actor.require(Ability::Read)?;
    let rows = store::rulesets_by_ids(ctx.store.read(), &[extract::id(&id, RULESET)?]).await?;
    one(&ctx, rows).await
}

/// Create a firewall ruleset.
#[utoipa::path(post, path = "/firewall/rulesets", tag = "Firewall", operation_id = "create_ruleset",
    request_body = RulesetInput,
    responses((status = 201, description = "The ruleset.", body = Data<FirewallRuleset>),
        (status = 409, description = "The name is another ruleset's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<RulesetInput>,
) -> Result<(StatusCode, Json<Data<FirewallRuleset>>), Error> {
    let row = rulesets::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, one(&ctx, vec![row]).await?))
}

/// Change a firewall ruleset.
///
/// Servers that were given its rules keep the copies that they have.
#[utoipa::path(put, path = "/firewall/rulesets/{rulesetId}", tag = "Firewall", operation_id = "update_ruleset",
    request_body = RulesetInput, params(("rulesetId" = i64, Path, description = "A ruleset's id.")),
    responses((status = 200, description = "The ruleset as it is now.", body = Data<FirewallRuleset>),
        (status = 404, description = "There is no such ruleset."),
        (status = 409, description = "The name is another ruleset's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<RulesetInput>,
) -> Result<Json<Data<FirewallRuleset>>, Error> {
    let row = rulesets::update(&ctx, &actor, extract::id(&id, RULESET)?, input).await?;
    one(&ctx, vec![row]).await
}

/// Delete a firewall ruleset.
#[utoipa::path(delete, path = "/firewall/rulesets/{rulesetId}", tag = "Firewall", operation_id = "delete_ruleset",
    request_body = Confirm, params(("rulesetId" = i64, Path, description = "A ruleset's id.")),
    responses((status = 204, description = "The ruleset is gone; servers keep the copies that they have."),
        (status = 404, description = "There is no such ruleset."),
        (status = 422, description = "It is not confirmed.")))]
pub async fn delete(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<Confirm>,
) -> Result<StatusCode, Error> {
    rulesets::delete(&ctx, &actor, extract::id(&id, RULESET)?, input.confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve which rulesets new servers of a package get.
#[utoipa::path(get, path = "/packages/{packageId}/firewallRulesets", tag = "Firewall",
    operation_id = "rulesets_of_package", params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 200, description = "Ids in order; the default ones where none were set.",
            body = Data<PackageFirewall>),
        (status = 404, description = "There is no such package.")))]
pub async fn of_package(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<PackageFirewall>>, Error> {
    actor.require(Ability::Read)?;
    let id = extract::id(&id, "package")?;
    package::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("package"))?;
    let rulesets = Some(store::of_package(ctx.store.read(), id).await?);
    Ok(Json(Data { data: PackageFirewall { rulesets } }))
}

/// Set which rulesets new servers of a package get.
#[utoipa::path(put, path = "/packages/{packageId}/firewallRulesets", tag = "Firewall",
    operation_id = "set_rulesets_of_package", request_body = PackageFirewall,
    params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 204, description = "New servers get them; those that there are keep what they have."),
        (status = 404, description = "There is no such package."),
        (status = 422, description = "Which id names no ruleset.")))]
pub async fn set_of_package(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<PackageFirewall>,
) -> Result<StatusCode, Error> {
    rulesets::set_of_package(&ctx, &actor, extract::id(&id, "package")?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(ctx: &Context, rows: Vec<entity::Model>) -> Result<Json<Data<FirewallRuleset>>, Error> {
    let data = with_rules(ctx, rows).await?.pop().ok_or(Error::NotFound(RULESET))?;
    Ok(Json(Data { data }))
}

async fn with_rules(ctx: &Context, rows: Vec<entity::Model>) -> Result<Vec<FirewallRuleset>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let rules = store::rules_of_rulesets(ctx.store.read(), &ids).await?;
    let of = |id: i64| rules.iter().filter(move |rule| rule.ruleset_id == Some(id)).cloned().collect();
    Ok(rows.into_iter().map(|row| (of(row.id), row)).map(|(rules, row)| shown(row, rules)).collect())
}

fn shown(row: entity::Model, rules: Vec<firewall_rule::Model>) -> FirewallRuleset {
    let entity::Model { id, name, description, is_default, created_at, updated_at } = row;
    FirewallRuleset {
        id,
        name,
        description,
        default: is_default,
        rules: rules.into_iter().map(firewall::shown).collect(),
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
