//! Rulesets: lists of firewall rules that staff offers. Interfaces get copies of them, so that a change of a ruleset
//! changes no server behind its owner's back.

use berth_api::v1::firewall::{PackageFirewall, RulesetInput};
use berth_store::{
    Micros, Tx, audit,
    entity::{firewall_rule as rule_entity, firewall_ruleset as entity},
    firewall::{self as store, Holder, Rule},
    package,
};
use serde_json::json;

use super::{entry, rules, server_firewall::MOST_RULES as MOST_ON_INTERFACE};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    firewall,
};

pub const RULESET: &str = "firewall ruleset";
/// Rules of one ruleset.
const MOST_RULES: usize = 100;
const DESCRIPTION_CHARACTERS: usize = 1_000;
/// Rulesets of a package, or of a server when it is created.
pub const MOST_RULESETS: usize = 16;

pub async fn create(ctx: &Context, actor: &Actor, input: RulesetInput) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let name = input.name.clone().unwrap_or_default();
    let parsed = check(&name, &input)?.unwrap_or_default();
    let now = ctx.now();
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input, parsed, name) = (actor.clone(), input.clone(), parsed.clone(), name.clone());
        Box::pin(async move {
            let description = input.description.unwrap_or_default();
            let row = store::add_ruleset(tx, name.trim(), &description, input.default.unwrap_or(false), now).await?;
            let count = parsed.len();
            store::add_rules(tx, Holder::Ruleset(row.id), parsed, now).await?;
            let after = json!({ "name": row.name, "rules": count, "default": row.is_default });
            let subject = ("firewall_ruleset", row.id);
            audit::record(tx, entry(&actor, now, "create_firewall_ruleset", subject, None, Some(after))).await?;
            Ok(row)
        })
    });
    made.await.map_err(name_is_taken)
}

pub async fn update(ctx: &Context, actor: &Actor, id: i64, input: RulesetInput) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            let row = one(tx, id).await?;
            let name = input.name.clone().unwrap_or_else(|| row.name.clone());
            let parsed = check(&name, &input)?;
            let description = input.description.clone().unwrap_or_else(|| row.description.clone());
            let default = input.default.unwrap_or(row.is_default);
            store::change_ruleset(tx, id, name.trim(), &description, default, now).await?;
            if let Some(parsed) = parsed {
                store::clear(tx, Holder::Ruleset(id)).await?;
                store::add_rules(tx, Holder::Ruleset(id), parsed, now).await?;
            }
            let after = one(tx, id).await?;
            let shown = |row: &entity::Model| json!({ "name": row.name, "description": row.description, "default": row.is_default });
            let (subject, before, is) = (("firewall_ruleset", id), shown(&row), shown(&after));
            audit::record(tx, entry(&actor, now, "update_firewall_ruleset", subject, Some(before), Some(is))).await?;
            Ok(after)
        })
    });
    changed.await.map_err(name_is_taken)
}

/// Servers that were given its rules keep them. Packages that name it give it no longer.
pub async fn delete(ctx: &Context, actor: &Actor, id: i64, confirmed: bool) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let gone = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = one(tx, id).await?;
            if !confirmed {
                return Err(Error::invalid("The confirm must be true: the ruleset goes with its rules."));
            }
            store::remove_ruleset(tx, id).await?;
            let (subject, before) = (("firewall_ruleset", id), json!({ "name": row.name }));
            Ok(audit::record(tx, entry(&actor, now, "delete_firewall_ruleset", subject, Some(before), None)).await?)
        })
    });
    gone.await
}

/// Which rulesets new servers of a package get.
pub async fn set_of_package(
    ctx: &Context,
    actor: &Actor,
    package_id: i64,
    input: PackageFirewall,
) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let set = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            package::by_id(tx, package_id).await?.ok_or(Error::NotFound("package"))?;
            if let Some(ids) = &input.rulesets {
                known(tx, "rulesets", ids).await?;
            }
            let before = json!({ "rulesets": store::named_by_package(tx, package_id).await? });
            store::set_of_package(tx, package_id, input.rulesets.as_deref(), now).await?;
            let (subject, after) = (("package", package_id), json!({ "rulesets": input.rulesets }));
            let written = entry(&actor, now, "set_package_firewall", subject, Some(before), Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    set.await
}

/// Refuses ids that name no ruleset.
pub async fn known(db: &impl berth_store::Db, field: &str, ids: &[i64]) -> Result<(), Error> {
    if ids.len() > MOST_RULESETS {
        return Err(Error::invalid(format!("The {field} must name at most {MOST_RULESETS} rulesets.")));
    }
    let rows = store::rulesets_by_ids(db, ids).await?;
    match ids.iter().find(|id| rows.iter().all(|row| row.id != **id)) {
        Some(id) => Err(Error::invalid(format!("The {field} must be ids of firewall rulesets: {id} is none."))),
        None => Ok(()),
    }
}

/// Rules that a new server gets: of the rulesets that its order names, or of its package's.
pub async fn of_new_server(
    db: &impl berth_store::Db,
    named: Option<&[i64]>,
    package_id: i64,
) -> Result<Vec<Rule>, Error> {
    let ids = match named {
        Some(ids) => ids.to_vec(),
        None => store::of_package(db, package_id).await?,
    };
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let there = store::rulesets_by_ids(db, &ids).await?;
    let strange = ids.iter().any(|id| there.iter().all(|row| row.id != *id));
    // A ruleset of the package's may be gone meanwhile.
    if ids.len() > MOST_RULESETS || (strange && named.is_some()) {
        return Err(Error::invalid("Invalid or disabled firewall ruleset"));
    }
    let rows = store::rules_of_rulesets(db, &ids).await?;
    let of = |ruleset: i64| rows.iter().filter(move |row| row.ruleset_id == Some(ruleset)).map(firewall::rule_of);
    Ok(ids.into_iter().flat_map(of).take(MOST_ON_INTERFACE).collect())
}

/// The firewall of a new interface, which was inserted as enabled.
pub async fn raise(tx: &Tx, interface_id: i64, rules: &[Rule], now: Micros) -> Result<Vec<rule_entity::Model>, Error> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let holder = Holder::Interface(interface_id);
    store::add_rules(tx, holder, rules.to_vec(), now).await?;
    Ok(store::rules(tx, holder).await?)
}

async fn one(db: &impl berth_store::Db, id: i64) -> Result<entity::Model, Error> {
    store::rulesets_by_ids(db, &[id]).await?.pop().ok_or(Error::NotFound(RULESET))
}

/// The rules, where there are some; every mistake at once.
fn check(name: &str, input: &RulesetInput) -> Result<Option<Vec<Rule>>, Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", name, 3, 100);
    let description = input.description.as_deref().unwrap_or_default();
    let unprintable = |c: char| c.is_control() && c != '\n';
    if description.chars().count() > DESCRIPTION_CHARACTERS || description.chars().any(unprintable) {
        errors.push(format!("The description must have at most {DESCRIPTION_CHARACTERS} printable characters."));
    }
    let wanted = input.rules.as_deref().unwrap_or_default();
    if wanted.len() > MOST_RULES {
        errors.push(format!("The rules must be at most {MOST_RULES}."));
    }
    let mut parsed = Vec::new();
    for (place, rule) in wanted.iter().take(MOST_RULES).enumerate() {
        match firewall::parse(rule) {
            Ok(rule) => parsed.push(rule),
            Err(wrong) => errors.extend(wrong.into_iter().map(|why| format!("In rules[{place}]: {why}"))),
        }
    }
    rules::done(errors)?;
    Ok(input.rules.as_ref().map(|_| parsed))
}

fn name_is_taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("firewall_rulesets", &["name"]) => {
            Error::Conflict("A firewall ruleset of that name exists already.".to_owned())
        }
        other => other,
    }
}
