//! Groups of nodes.

use berth_api::v1::hypervisor::CreateHypervisorGroup;
use berth_store::{
    audit,
    entity::hypervisor_group as entity,
    hypervisor_group::{self, NewGroup},
};
use serde_json::json;

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub async fn create(ctx: &Context, actor: &Actor, input: CreateHypervisorGroup) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", &input.name, 1, 100);
    rules::text(&mut errors, "description", input.description.as_deref().unwrap_or_default(), 0, 1_000);
    rules::within(&mut errors, "distributionType", input.distribution_type.into(), 1..=20);
    rules::done(errors)?;
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
                let after = json!({ "name": row.name, "distributionType": row.distribution_type });
                audit::record(
                    tx,
                    entry(&actor, now, "create_hypervisor_group", ("hypervisor_group", row.id), None, Some(after)),
                )
                .await?;
                Ok(row)
            })
        })
        .await
        .map_err(|error| match error {
            Error::Store(store) if store.violates("hypervisor_groups", &["name"]) => {
                Error::Conflict("A hypervisor group of that name exists already.".to_owned())
            }
            other => other,
        })
}
