//! Groups of nodes.

use berth_api::v1::{
    confirm::Confirm,
    hypervisor_group::{CreateHypervisorGroup, UpdateHypervisorGroup},
};
use berth_store::{
    audit,
    entity::hypervisor_group as entity,
    hypervisor,
    hypervisor_group::{self, NewGroup},
    self_service::profile,
};
use serde_json::{Value, json};

use super::{differences, entry, icons, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    placement::DISTRIBUTION_TYPES,
};

pub async fn create(ctx: &Context, actor: &Actor, input: CreateHypervisorGroup) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let texts = (Some(input.name.as_str()), input.label.as_deref(), input.description.as_deref());
    check(texts, Some(input.distribution_type.into()))?;
    let now = ctx.now();
    let new = NewGroup {
        name: input.name.trim().to_owned(),
        label: input.label,
        description: input.description,
        distribution_type: input.distribution_type,
        enabled: input.enabled,
        is_default: input.default,
        now,
    };
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, new) = (actor.clone(), new.clone());
            Box::pin(async move {
                let row = hypervisor_group::insert(tx, new).await?;
                let after = shown(&row);
                audit::record(
                    tx,
                    entry(&actor, now, "create_hypervisor_group", ("hypervisor_group", row.id), None, Some(after)),
                )
                .await?;
                Ok(row)
            })
        })
        .await
        .map_err(taken)
}

pub async fn update(
    ctx: &Context,
    actor: &Actor,
    id: i64,
    input: UpdateHypervisorGroup,
) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let text = |field: &Option<Option<String>>| field.clone().flatten().unwrap_or_default();
    let (label, description) = (text(&input.label), text(&input.description));
    check((input.name.as_deref(), Some(&label), Some(&description)), input.distribution_type)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, input) = (actor.clone(), input.clone());
            Box::pin(async move {
                let row = hypervisor_group::by_id(tx, id).await?.ok_or(Error::NotFound("hypervisor group"))?;
                icons::require(tx, input.icon.as_ref().and_then(Option::as_deref)).await?;
                let changed = apply(row.clone(), input);
                let Some((before, after)) = differences(shown(&row), shown(&changed)) else { return Ok(row) };
                let changed = hypervisor_group::update(tx, changed, now).await?;
                let subject = ("hypervisor_group", id);
                let written = entry(&actor, now, "update_hypervisor_group", subject, Some(before), Some(after));
                audit::record(tx, written).await?;
                Ok(changed)
            })
        })
        .await
        .map_err(taken)
}

/// Refused while there are nodes in it.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    hypervisor_group::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("hypervisor group"))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let row = hypervisor_group::by_id(tx, id).await?.ok_or(Error::NotFound("hypervisor group"))?;
                let nodes = hypervisor::count_of_group(tx, id).await?;
                if nodes > 0 {
                    return Err(Error::invalid(format!(
                        "Hypervisor group {} has {nodes} hypervisors; move or remove them first.",
                        row.name
                    )));
                }
                let profiles = profile::with_group(tx, id).await?;
                if !profiles.is_empty() {
                    return Err(Error::invalid(format!(
                        "{} group profiles sell servers in hypervisor group {}: {}.",
                        profiles.len(),
                        row.name,
                        profiles.join(", ")
                    )));
                }
                let mut before = shown(&row);
                before["enrolmentTokens"] = json!(hypervisor_group::remove(tx, id).await?);
                let subject = ("hypervisor_group", id);
                audit::record(tx, entry(&actor, now, "remove_hypervisor_group", subject, Some(before), None)).await?;
                Ok(())
            })
        })
        .await
        .map_err(|error| match error {
            Error::Store(berth_store::StoreError::ForeignKey(_)) => {
                Error::invalid("A hypervisor joined the group just now; move or remove it first.")
            }
            other => other,
        })
}

/// Name, label and description, where they are given.
fn check(
    (name, label, description): (Option<&str>, Option<&str>, Option<&str>),
    distribution_type: Option<i64>,
) -> Result<(), Error> {
    let mut errors = Vec::new();
    if let Some(name) = name {
        rules::text(&mut errors, "name", name, 1, 100);
    }
    rules::text(&mut errors, "label", label.unwrap_or_default(), 0, 100);
    rules::text(&mut errors, "description", description.unwrap_or_default(), 0, 1_000);
    let known = |code: i64| DISTRIBUTION_TYPES.iter().any(|known| i64::from(*known) == code);
    if distribution_type.is_some_and(|code| !known(code)) {
        let codes = DISTRIBUTION_TYPES.map(|code| code.to_string()).join(", ");
        errors.push(format!("The distributionType must be one of {codes}."));
    }
    rules::done(errors)
}

fn apply(mut row: entity::Model, input: UpdateHypervisorGroup) -> entity::Model {
    let UpdateHypervisorGroup { name, label, description, icon, distribution_type, enabled, default } = input;
    row.name = name.map_or(row.name, |name| name.trim().to_owned());
    row.label = label.unwrap_or(row.label);
    row.description = description.unwrap_or(row.description);
    row.icon = icon.unwrap_or(row.icon);
    row.distribution_type = distribution_type.and_then(|code| code.try_into().ok()).unwrap_or(row.distribution_type);
    row.enabled = enabled.unwrap_or(row.enabled);
    row.is_default = default.unwrap_or(row.is_default);
    row
}

fn shown(row: &entity::Model) -> Value {
    json!({
        "name": row.name, "label": row.label, "description": row.description, "icon": row.icon,
        "distributionType": row.distribution_type, "enabled": row.enabled, "default": row.is_default,
    })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("hypervisor_groups", &["name"]) => {
            Error::Conflict("A hypervisor group of that name exists already.".to_owned())
        }
        other => other,
    }
}
