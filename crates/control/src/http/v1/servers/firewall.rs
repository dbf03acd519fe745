//! The firewall of a server's interface.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    v1::firewall::{CopyRuleset, CreatedRule, FirewallRule, FirewallRulesInput, RuleInput, ServerFirewall},
};
use serde_json::Value;

use super::SERVER;
use crate::{
    Context, Error,
    actions::{
        following,
        rulesets::RULESET,
        server_firewall::{self, Deed, RULE, Seen},
    },
    actor::Actor,
    firewall,
    http::extract::{self, Body, Query},
};

type Ends = Path<(String, String)>;
type Answer = Result<Json<Data<ServerFirewall>>, Error>;

async fn whole(ctx: &Context, actor: &Actor, server_id: i64, reference: &str) -> Answer {
    let Seen { interface: details, applied, stateful } =
        server_firewall::read(ctx, actor, server_id, reference).await?;
    let data = ServerFirewall {
        enabled: details.interface.firewall_enabled,
        rules: details.firewall.into_iter().map(firewall::shown).collect(),
        applied,
        stateful,
        quarantined: details.interface.quarantined,
    };
    Ok(Json(Data { data }))
}

/// With `waits` the node is waited for, and the answer says whether it has followed.
async fn done(ctx: &Context, actor: &Actor, (id, reference): (String, String), deed: Deed, waits: bool) -> Answer {
    let id = extract::id(&id, SERVER)?;
    server_firewall::act(ctx, actor, (id, &reference), deed).await?;
    if waits {
        following::wait(ctx, id).await?;
    }
    whole(ctx, actor, id, &reference).await
}

/// Retrieve the firewall of an interface.
///
/// With `sync` the node is given it once more and waited for, as by `apply`; that needs the right to write.
#[utoipa::path(get, path = "/servers/{serverId}/firewall/{interface}", tag = "Firewall",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("sync" = Option<bool>, Query, description = "Also give the node the firewall once more and wait for it; \
          false by default.")),
    responses((status = 200, description = "Whether it is on, and its rules in order.", body = Data<ServerFirewall>),
        (status = 404, description = "There is no such server or interface.")))]
pub async fn retrieve(State(ctx): State<Context>, actor: Actor, query: Query, Path(ends): Ends) -> Answer {
    if query.flag("sync")? {
        return done(&ctx, &actor, ends, Deed::Apply, true).await;
    }
    let (id, reference) = ends;
    whole(&ctx, &actor, extract::id(&id, SERVER)?, &reference).await
}

/// Switch the firewall of an interface on.
///
/// Its rules are in force as soon as the node has followed, which `applied` says. With `sync` that is waited for, up to 30
/// seconds.
#[utoipa::path(post, path = "/servers/{serverId}/firewall/{interface}/enable", tag = "Firewall",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("sync" = Option<bool>, Query, description = "Also wait until the node has followed, which it does in any case; \
          false by default.")),
    responses((status = 200, description = "The firewall as it is now.", body = Data<ServerFirewall>),
        (status = 404, description = "There is no such server or interface.")))]
pub async fn enable(State(ctx): State<Context>, actor: Actor, query: Query, Path(ends): Ends) -> Answer {
    let waits = query.flag("sync")?;
    done(&ctx, &actor, ends, Deed::Enable(true), waits).await
}

/// Switch the firewall of an interface off; its rules stay.
///
/// With `sync` it is waited for that the node has followed, up to 30 seconds.
#[utoipa::path(post, path = "/servers/{serverId}/firewall/{interface}/disable", tag = "Firewall",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("sync" = Option<bool>, Query, description = "Also wait until the node has followed, which it does in any case; \
          false by default.")),
    responses((status = 200, description = "The firewall as it is now.", body = Data<ServerFirewall>),
        (status = 404, description = "There is no such server or interface.")))]
pub async fn disable(State(ctx): State<Context>, actor: Actor, query: Query, Path(ends): Ends) -> Answer {
    let waits = query.flag("sync")?;
    done(&ctx, &actor, ends, Deed::Enable(false), waits).await
}

/// Give the node the firewall once more, and wait until it has followed.
///
/// The answer comes when the node has carried it out, when it could not, or after 30 seconds; `applied` says which. Of a
/// server that is not built there is nothing to wait for.
#[utoipa::path(post, path = "/servers/{serverId}/firewall/{interface}/apply", tag = "Firewall",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 200, description = "The firewall, and whether it is in force.",
            body = Data<ServerFirewall>),
        (status = 404, description = "There is no such server or interface.")))]
pub async fn apply(State(ctx): State<Context>, actor: Actor, Path(ends): Ends) -> Answer {
    done(&ctx, &actor, ends, Deed::Apply, true).await
}

/// Retrieve the rules of an interface.
#[utoipa::path(get, path = "/servers/{serverId}/firewall/{interface}/rules", tag = "Firewall",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 200, description = "In the order in which they are judged.", body = Data<Vec<FirewallRule>>),
        (status = 404, description = "There is no such server or interface.")))]
pub async fn rules(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Ends,
) -> Result<Json<Data<Vec<FirewallRule>>>, Error> {
    let whole = whole(&ctx, &actor, extract::id(&id, SERVER)?, &reference).await?;
    Ok(Json(Data { data: whole.0.data.rules }))
}

/// Replace the rules of an interface with those of rulesets, or add one rule.
///
/// A body with `rulesets` (or `rules`) holds ids of rulesets: every rule that there is goes, and copies of theirs come.
/// Any other body is one rule. With `sync` it is waited for that the node has followed, up to 30 seconds.
#[utoipa::path(post, path = "/servers/{serverId}/firewall/{interface}/rules", tag = "Firewall",
    request_body = FirewallRulesInput,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("sync" = Option<bool>, Query, description = "Also wait until the node has followed, which it does in any case; \
          false by default.")),
    responses((status = 201, description = "The rules are those of the rulesets."),
        (status = 200, description = "The rule, and whether it is new.", body = Data<CreatedRule>),
        (status = 404, description = "There is no such server or interface."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn add(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path((id, reference)): Ends,
    Body(input): Body<FirewallRulesInput>,
) -> Result<Response, Error> {
    let (id, waits) = (extract::id(&id, SERVER)?, query.flag("sync")?);
    let (deed, replaces) = match input.rulesets {
        Some(rulesets) => (Deed::Replace(rulesets), true),
        None => {
            let input: RuleInput = extract::parse(Value::Object(input.rule).to_string().as_bytes())?;
            (Deed::Add(server_firewall::rule(&input)?), false)
        }
    };
    let added = server_firewall::act(&ctx, &actor, (id, &reference), deed).await?;
    if waits {
        following::wait(&ctx, id).await?;
    }
    if replaces {
        return Ok(StatusCode::CREATED.into_response());
    }
    let (row, created) = added.ok_or(Error::NotFound(RULE))?;
    Ok(Json(Data { data: CreatedRule { created, rule: firewall::shown(row) } }).into_response())
}

/// Change a rule of an interface; what is absent stays.
#[utoipa::path(put, path = "/servers/{serverId}/firewall/{interface}/rules/{ruleId}", tag = "Firewall",
    request_body = RuleInput,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("ruleId" = i64, Path, description = "A rule's id.")),
    responses((status = 200, description = "The rule as it is now.", body = Data<FirewallRule>),
        (status = 404, description = "There is no such server, interface or rule."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn change(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference, rule)): Path<(String, String, String)>,
    Body(input): Body<RuleInput>,
) -> Result<Json<Data<FirewallRule>>, Error> {
    let (id, rule) = (extract::id(&id, SERVER)?, extract::id(&rule, RULE)?);
    let changed = server_firewall::act(&ctx, &actor, (id, &reference), Deed::Change(rule, input)).await?;
    let (row, _) = changed.ok_or(Error::NotFound(RULE))?;
    Ok(Json(Data { data: firewall::shown(row) }))
}

/// Remove a rule of an interface.
#[utoipa::path(delete, path = "/servers/{serverId}/firewall/{interface}/rules/{ruleId}", tag = "Firewall",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("ruleId" = i64, Path, description = "A rule's id.")),
    responses((status = 204, description = "The rule is gone."),
        (status = 404, description = "There is no such server, interface or rule.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference, rule)): Path<(String, String, String)>,
) -> Result<StatusCode, Error> {
    let (id, rule) = (extract::id(&id, SERVER)?, extract::id(&rule, RULE)?);
    server_firewall::act(&ctx, &actor, (id, &reference), Deed::Remove(rule)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Copy the rules of a ruleset to an interface, besides those that it has.
#[utoipa::path(post, path = "/servers/{serverId}/firewall/{interface}/rulesets", tag = "Firewall",
    request_body = CopyRuleset,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 200, description = "The firewall as it is now.", body = Data<ServerFirewall>),
        (status = 404, description = "There is no such server, interface or ruleset."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn copy(
    State(ctx): State<Context>,
    actor: Actor,
    Path(ends): Ends,
    Body(input): Body<CopyRuleset>,
) -> Answer {
    let ruleset = extract::id(&input.ruleset_id.to_string(), RULESET)?;
    done(&ctx, &actor, ends, Deed::Copy(ruleset), false).await
}

/// Put a server's network into quarantine.
///
/// Nothing passes in either direction, also of connections that there are; the server runs on and keeps its addresses.
#[utoipa::path(post, path = "/servers/{serverId}/quarantine", tag = "Firewall",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 204, description = "It is in quarantine."),
        (status = 404, description = "There is no such server.")))]
pub async fn quarantine(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<StatusCode, Error> {
    server_firewall::quarantine(&ctx, &actor, extract::id(&id, SERVER)?, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a server's network out of quarantine.
#[utoipa::path(delete, path = "/servers/{serverId}/quarantine", tag = "Firewall",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 204, description = "It passes again what it passed before."),
        (status = 404, description = "There is no such server.")))]
pub async fn release(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<StatusCode, Error> {
    server_firewall::quarantine(&ctx, &actor, extract::id(&id, SERVER)?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
