//! How templates are shown together.

use berth_api::v1::{
    confirm::Confirm,
    template::{CreateTemplateCategory, UpdateTemplateCategory},
};
use berth_store::{
    audit,
    entity::template_category as entity,
    template_category::{self, NewCategory},
};
use serde_json::{Value, json};

use super::{differences, entry, icons, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

const SUBJECT: &str = "template_category";
const CATEGORY: &str = "template category";

pub async fn create(ctx: &Context, actor: &Actor, input: CreateTemplateCategory) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    check(Some(&input.name), Some(&input.description), Some(input.position))?;
    let now = ctx.now();
    let new = NewCategory {
        name: input.name.trim().to_owned(),
        description: input.description,
        icon: input.icon,
        position: input.position.try_into().unwrap_or_default(),
        now,
    };
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, new) = (actor.clone(), new.clone());
            Box::pin(async move {
                icons::require(tx, Some(&new.icon)).await?;
                let row = template_category::insert(tx, new).await?;
                let after = Some(shown(&row));
                audit::record(tx, entry(&actor, now, "create_template_category", (SUBJECT, row.id), None, after))
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
    input: UpdateTemplateCategory,
) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    check(input.name.as_deref(), input.description.as_deref(), input.position)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, input) = (actor.clone(), input.clone());
            Box::pin(async move {
                let row = template_category::by_id(tx, id).await?.ok_or(Error::NotFound(CATEGORY))?;
                icons::require(tx, input.icon.as_deref()).await?;
                let changed = apply(row.clone(), input);
                let Some((before, after)) = differences(shown(&row), shown(&changed)) else { return Ok(row) };
                let changed = template_category::update(tx, changed).await?;
                let action = "update_template_category";
                audit::record(tx, entry(&actor, now, action, (SUBJECT, id), Some(before), Some(after))).await?;
                Ok(changed)
            })
        })
        .await
        .map_err(taken)
}

/// Refused while there are templates in it.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    template_category::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound(CATEGORY))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let row = template_category::by_id(tx, id).await?.ok_or(Error::NotFound(CATEGORY))?;
                let templates = template_category::templates(tx, id).await?;
                if templates > 0 {
                    return Err(Error::invalid(format!(
                        "Category {} has {templates} templates; move or remove them first.",
                        row.name
                    )));
                }
                template_category::remove(tx, id).await?;
                let before = Some(shown(&row));
                audit::record(tx, entry(&actor, now, "remove_template_category", (SUBJECT, id), before, None)).await?;
                Ok(())
            })
        })
        .await
}

fn check(name: Option<&str>, description: Option<&str>, position: Option<i64>) -> Result<(), Error> {
    let mut errors = Vec::new();
    if let Some(name) = name {
        rules::text(&mut errors, "name", name, 1, 100);
    }
    rules::text(&mut errors, "description", description.unwrap_or_default(), 0, 1_000);
    rules::within(&mut errors, "position", position.unwrap_or(0), -1_000..=1_000);
    rules::done(errors)
}

fn apply(mut row: entity::Model, input: UpdateTemplateCategory) -> entity::Model {
    let UpdateTemplateCategory { name, description, icon, position } = input;
    row.name = name.map_or(row.name, |name| name.trim().to_owned());
    row.description = description.unwrap_or(row.description);
    row.icon = icon.unwrap_or(row.icon);
    row.position = position.and_then(|position| position.try_into().ok()).unwrap_or(row.position);
    row
}

fn shown(row: &entity::Model) -> Value {
    json!({ "name": row.name, "description": row.description, "icon": row.icon, "position": row.position })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("template_categories", &["name"]) => {
            Error::Conflict("A category of that name exists already.".to_owned())
        }
        other => other,
    }
}
