//! The firewall of a server's interface: switched on and off, its rules, and quarantine by staff.

use berth_api::v1::firewall::RuleInput;
use berth_store::{
    Tx,
    entity::{firewall_rule as entity, server_interface},
    firewall::{self as store, Holder, Rule},
    interface_vlan,
    server_details::{self, InterfaceDetails},
};
use serde_json::{Value, json};

use super::{
    interface_vlans,
    interfaces::{self, Change, INTERFACE},
    rulesets::{RULESET, known},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    firewall,
};

pub const RULE: &str = "firewall rule";
/// Rules of one interface.
pub const MOST_RULES: usize = 200;

/// An interface with its rules, as its node has them.
pub struct Seen {
    pub interface: InterfaceDetails,
    /// Whether the node said that it has carried out the newest change of the server.
    pub applied: bool,
    /// Whether its kernel remembers flows. Nodes that do not say are those of agents that never asked theirs.
    pub stateful: bool,
}

pub async fn read(ctx: &Context, actor: &Actor, server_id: i64, reference: &str) -> Result<Seen, Error> {
    actor.require(Ability::Read)?;
    let details = server_details::by_id(ctx.store.read(), server_id).await?.ok_or(Error::NotFound("server"))?;
    let applied = details.server.applied_generation >= details.server.generation;
    let stateful = details.hypervisor.facts.get("firewall").and_then(Value::as_str) != Some("none");
    let rows: Vec<_> = details.interfaces.iter().map(|details| details.interface.clone()).collect();
    let id = interfaces::find(&rows, reference).ok_or(Error::NotFound(INTERFACE))?.id;
    let found = details.interfaces.into_iter().find(|details| details.interface.id == id);
    Ok(Seen { interface: found.ok_or(Error::NotFound(INTERFACE))?, applied, stateful })
}

/// What is done to a firewall.
#[derive(Clone, Debug)]
pub enum Deed {
    Enable(bool),
    /// Rules of these rulesets, in order, instead of all that there are.
    Replace(Vec<i64>),
    /// Rules of a ruleset besides those that there are.
    Copy(i64),
    Add(Rule),
    Change(i64, RuleInput),
    Remove(i64),
    /// The node gets everything once more.
    Apply,
}

/// A rule that a caller wrote.
pub fn rule(input: &RuleInput) -> Result<Rule, Error> {
    firewall::parse(input).map_err(Error::Invalid)
}

/// Answers the rule, where the deed is about one, and whether it is new.
pub async fn act(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    deed: Deed,
) -> Result<Option<(entity::Model, bool)>, Error> {
    actor.require(Ability::Write)?;
    let change = Change::new(ctx, actor, server_id);
    let done = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, reference, deed) = (change.clone(), reference.to_owned(), deed.clone());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let interface = locked.at(&reference)?;
            let (answer, action, before, after) = carry_out(tx, &change, interface, deed).await?;
            change.follow(tx, &locked.row).await?;
            change.record(tx, action, before, after).await?;
            Ok(answer)
        })
    });
    let answer = done.await?;
    ctx.nudge.notify_one();
    Ok(answer)
}

type Outcome = (Option<(entity::Model, bool)>, &'static str, Option<Value>, Option<Value>);

async fn carry_out(
    tx: &Tx,
    change: &Change,
    interface: &server_interface::Model,
    deed: Deed,
) -> Result<Outcome, Error> {
    let (holder, now, tag) = (Holder::Interface(interface.id), change.now, interface.tag);
    match deed {
        Deed::Enable(enabled) => {
            let vlans = interface_vlan::of_interfaces(tx, &[interface.id]).await?;
            if enabled && vlans.iter().any(interface_vlans::is_tagged) {
                return Err(Error::invalid(
                    "The firewall can't be switched on: it judges frames without a tag, and the interface is a trunk of VLANs.",
                ));
            }
            store::set_enabled(tx, interface.id, enabled, now).await?;
            let (was, is) = (interface.firewall_enabled, json!({ "interface": tag, "enabled": enabled }));
            Ok((None, "switch_firewall", Some(json!({ "enabled": was })), Some(is)))
        }
        Deed::Replace(rulesets) => {
            known(tx, "rulesets", &rulesets).await?;
            let there = store::rules(tx, holder).await?;
            let there = there.iter().map(|row| format!("{:?}", firewall::rule_of(row))).collect::<Vec<_>>();
            store::clear(tx, holder).await?;
            copy(tx, interface.id, &rulesets, now).await?;
            let after = json!({ "interface": tag, "rulesets": rulesets });
            Ok((None, "replace_firewall_rules", Some(json!({ "rules": there })), Some(after)))
        }
        Deed::Copy(ruleset) => {
            if store::rulesets_by_ids(tx, &[ruleset]).await?.is_empty() {
                return Err(Error::NotFound(RULESET));
            }
            copy(tx, interface.id, &[ruleset], now).await?;
            Ok((None, "copy_firewall_ruleset", None, Some(json!({ "interface": tag, "ruleset": ruleset }))))
        }
        Deed::Add(rule) => {
            let there = store::rules(tx, holder).await?;
            let after = json!({ "interface": tag, "rule": format!("{rule:?}") });
            if let Some(same) = there.iter().find(|row| firewall::rule_of(row) == rule) {
                return Ok((Some((same.clone(), false)), "add_firewall_rule", None, Some(after)));
            }
            room(there.len() + 1)?;
            let row = store::add_rule(tx, holder, rule, now).await?;
            Ok((Some((row, true)), "add_firewall_rule", None, Some(after)))
        }
        Deed::Change(id, input) => {
            let row = one(tx, holder, id).await?;
            let rule = rule(&merged(&row, input))?;
            let (before, after) = (firewall::rule_of(&row), json!({ "interface": tag, "rule": format!("{rule:?}") }));
            store::change_rule(tx, id, holder, rule).await?;
            let row = one(tx, holder, id).await?;
            let before = json!({ "rule": format!("{before:?}") });
            Ok((Some((row, false)), "change_firewall_rule", Some(before), Some(after)))
        }
        Deed::Remove(id) => {
            let row = one(tx, holder, id).await?;
            store::remove_rule(tx, id, holder).await?;
            let before = json!({ "interface": tag, "rule": format!("{:?}", firewall::rule_of(&row)) });
            Ok((None, "remove_firewall_rule", Some(before), None))
        }
        Deed::Apply => Ok((None, "apply_firewall", None, Some(json!({ "interface": tag })))),
    }
}

async fn one(tx: &Tx, holder: Holder, id: i64) -> Result<entity::Model, Error> {
    let rules = store::rules(tx, holder).await?;
    rules.into_iter().find(|row| row.id == id).ok_or(Error::NotFound(RULE))
}

fn room(count: usize) -> Result<(), Error> {
    if count <= MOST_RULES {
        return Ok(());
    }
    Err(Error::invalid(format!("The firewall of an interface has at most {MOST_RULES} rules.")))
}

/// What is absent of a change stays as it is.
fn merged(row: &entity::Model, input: RuleInput) -> RuleInput {
    let was = firewall::shown(row.clone());
    RuleInput {
        direction: input.direction.or(Some(was.direction)),
        action: input.action.or(Some(was.action)),
        protocol: input.protocol.or(Some(was.protocol)),
        ip_type: input.ip_type.or(Some(was.ip_type.into())),
        source_address: input.source_address.or(was.source_address),
        source_port: input.source_port.or(was.source_port),
        destination_address: input.destination_address.or(was.destination_address),
        destination_port: input.destination_port.or(was.destination_port),
        priority: input.priority.or(Some(was.priority.into())),
        apply: None,
    }
}

/// Copies rules of rulesets to an interface, those of the first one first where priorities are the same.
pub async fn copy(tx: &Tx, interface_id: i64, rulesets: &[i64], now: i64) -> Result<(), Error> {
    let holder = Holder::Interface(interface_id);
    let rows = store::rules_of_rulesets(tx, rulesets).await?;
    let of = |ruleset: i64| rows.iter().filter(move |row| row.ruleset_id == Some(ruleset)).map(firewall::rule_of);
    let rules: Vec<Rule> = rulesets.iter().copied().flat_map(of).collect();
    room(store::rules(tx, holder).await?.len() + rules.len())?;
    Ok(store::add_rules(tx, holder, rules, now).await?)
}

/// Nothing passes a server's interfaces any more, or again what passed before; the server runs on.
pub async fn quarantine(ctx: &Context, actor: &Actor, server_id: i64, on: bool) -> Result<(), Error> {
    actor.require(Ability::Support)?;
    let change = Change::new(ctx, actor, server_id);
    let done = ctx.store.write_tx::<_, Error>(|tx| {
        let change = change.clone();
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let was = locked.interfaces.iter().any(|interface| interface.quarantined);
            store::set_quarantined(tx, server_id, on, change.now).await?;
            change.follow(tx, &locked.row).await?;
            let (before, after) = (json!({ "quarantined": was }), json!({ "quarantined": on }));
            change.record(tx, "quarantine_server", Some(before), Some(after)).await
        })
    });
    done.await?;
    ctx.nudge.notify_one();
    Ok(())
}
