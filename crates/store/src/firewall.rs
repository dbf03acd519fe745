//! Firewalls: rulesets that staff offers, and the rules of each interface, which are copies.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        firewall_rule::{ActiveModel as RuleRow, Column, Entity, Model},
        firewall_ruleset::{self as rulesets, Model as Ruleset},
        package_firewall, server_interface,
    },
};

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub priority: i32,
    pub inbound: bool,
    pub accept: bool,
    pub family: i32,
    pub protocol: i32,
    pub source: String,
    pub destination: String,
    pub source_ports: String,
    pub destination_ports: String,
}

/// Whose rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    Ruleset(i64),
    Interface(i64),
}

impl Holder {
    fn is(self) -> Condition {
        match self {
            Holder::Ruleset(id) => Condition::all().add(Column::RulesetId.eq(id)),
            Holder::Interface(id) => Condition::all().add(Column::InterfaceId.eq(id)),
        }
    }
}

fn row(holder: Holder, rule: Rule, now: Micros) -> RuleRow {
    let Rule { priority, inbound, accept, family, protocol, source, destination, source_ports, destination_ports } =
        rule;
    let (ruleset_id, interface_id) = match holder {
        Holder::Ruleset(id) => (Some(id), None),
        Holder::Interface(id) => (None, Some(id)),
    };
    RuleRow {
        ruleset_id: Set(ruleset_id),
        interface_id: Set(interface_id),
        priority: Set(priority),
        inbound: Set(inbound),
        accept: Set(accept),
        family: Set(family),
        protocol: Set(protocol),
        source: Set(source),
        destination: Set(destination),
        source_ports: Set(source_ports),
        destination_ports: Set(destination_ports),
        created_at: Set(now),
        ..Default::default()
    }
}

/// In the order in which they are judged.
pub async fn rules(db: &impl Db, holder: Holder) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(holder.is());
    Ok(query.order_by_asc(Column::Priority).order_by_asc(Column::Id).all(db).await?)
}

/// Of several rulesets.
pub async fn rules_of_rulesets(db: &impl Db, ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::RulesetId.is_in(ids.iter().copied()));
    Ok(query.order_by_asc(Column::Priority).order_by_asc(Column::Id).all(db).await?)
}

pub async fn add_rules(tx: &Tx, holder: Holder, rules: Vec<Rule>, now: Micros) -> Result<(), StoreError> {
    if rules.is_empty() {
        return Ok(());
    }
    let rows = rules.into_iter().map(|rule| row(holder, rule, now));
    Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn add_rule(tx: &Tx, holder: Holder, rule: Rule, now: Micros) -> Result<Model, StoreError> {
    Ok(Entity::insert(row(holder, rule, now)).exec_with_returning(tx).await?)
}

pub async fn change_rule(tx: &Tx, id: i64, holder: Holder, rule: Rule) -> Result<(), StoreError> {
    let changed = RuleRow { created_at: sea_orm::ActiveValue::NotSet, ..row(holder, rule, 0) };
    Entity::update_many().set(changed).filter(Column::Id.eq(id)).filter(holder.is()).exec(tx).await?;
    Ok(())
}

/// False where the holder has no such rule.
pub async fn remove_rule(tx: &Tx, id: i64, holder: Holder) -> Result<bool, StoreError> {
    Ok(Entity::delete_many().filter(Column::Id.eq(id)).filter(holder.is()).exec(tx).await?.rows_affected > 0)
}

pub async fn clear(tx: &Tx, holder: Holder) -> Result<(), StoreError> {
    Entity::delete_many().filter(holder.is()).exec(tx).await?;
    Ok(())
}

pub async fn add_ruleset(
    tx: &Tx,
    name: &str,
    description: &str,
    is_default: bool,
    now: Micros,
) -> Result<Ruleset, StoreError> {
    let row = rulesets::ActiveModel {
        name: Set(name.to_owned()),
        description: Set(description.to_owned()),
        is_default: Set(is_default),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(rulesets::Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn change_ruleset(
    tx: &Tx,
    id: i64,
    name: &str,
    description: &str,
    is_default: bool,
    now: Micros,
) -> Result<(), StoreError> {
    let row = rulesets::ActiveModel {
        name: Set(name.to_owned()),
        description: Set(description.to_owned()),
        is_default: Set(is_default),
        updated_at: Set(now),
        ..Default::default()
    };
    rulesets::Entity::update_many().set(row).filter(rulesets::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// With its rules; those of interfaces are copies and stay.
pub async fn remove_ruleset(tx: &Tx, id: i64) -> Result<(), StoreError> {
    clear(tx, Holder::Ruleset(id)).await?;
    rulesets::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

pub async fn rulesets_by_ids(db: &impl Db, ids: &[i64]) -> Result<Vec<Ruleset>, StoreError> {
    Ok(rulesets::Entity::find().filter(rulesets::Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// By id, and how many there are.
pub async fn page(db: &impl Db, offset: u64, limit: u64) -> Result<(Vec<Ruleset>, u64), StoreError> {
    let query = rulesets::Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(rulesets::Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// What new servers of a package get: what it names, else the default ones; ids of rulesets in order.
pub async fn of_package(db: &impl Db, package_id: i64) -> Result<Vec<i64>, StoreError> {
    if let Some(named) = named_by_package(db, package_id).await? {
        return Ok(named);
    }
    let defaults = rulesets::Entity::find()
        .select_only()
        .column(rulesets::Column::Id)
        .filter(rulesets::Column::IsDefault.eq(true))
        .order_by_asc(rulesets::Column::Id);
    Ok(defaults.into_tuple().all(db).await?)
}

/// Ids of those that a package names; `None` where it gives the default ones.
pub async fn named_by_package(db: &impl Db, package_id: i64) -> Result<Option<Vec<i64>>, StoreError> {
    let named = package_firewall::Entity::find().filter(package_firewall::Column::PackageId.eq(package_id));
    let Some(row) = named.one(db).await? else { return Ok(None) };
    serde_json::from_value(row.rulesets).map_err(|error| StoreError::Corrupt(format!("rulesets: {error}")))
}

/// `None`: the default ones.
pub async fn set_of_package(tx: &Tx, package_id: i64, ids: Option<&[i64]>, now: Micros) -> Result<(), StoreError> {
    let named = package_firewall::Entity::delete_many().filter(package_firewall::Column::PackageId.eq(package_id));
    named.exec(tx).await?;
    if let Some(ids) = ids {
        let row = package_firewall::ActiveModel {
            package_id: Set(package_id),
            rulesets: Set(json!(ids)),
            updated_at: Set(now),
            ..Default::default()
        };
        package_firewall::Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub async fn set_enabled(tx: &Tx, interface_id: i64, enabled: bool, now: Micros) -> Result<(), StoreError> {
    let row =
        server_interface::ActiveModel { firewall_enabled: Set(enabled), updated_at: Set(now), ..Default::default() };
    server_interface::Entity::update_many()
        .set(row)
        .filter(server_interface::Column::Id.eq(interface_id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Of all interfaces of a server.
pub async fn set_quarantined(tx: &Tx, server_id: i64, quarantined: bool, now: Micros) -> Result<(), StoreError> {
    let row =
        server_interface::ActiveModel { quarantined: Set(quarantined), updated_at: Set(now), ..Default::default() };
    server_interface::Entity::update_many()
        .set(row)
        .filter(server_interface::Column::ServerId.eq(server_id))
        .exec(tx)
        .await?;
    Ok(())
}
