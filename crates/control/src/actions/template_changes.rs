//! OS templates that are there: what is changed of them, and their removal. Servers that were built keep what they have.

use berth_api::v1::{confirm::Confirm, template::UpdateTemplate};
use berth_store::{
    Micros, Tx, audit, entity::template as entity, package, self_service::profile, template, template_category,
};
use chrono::{NaiveDate, NaiveTime};
use serde_json::{Value, json};

use super::{
    differences, entry, icons, rules,
    templates::{OS_TYPES, check_image},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    nodes::MAX_VIRTUAL_BYTES,
};

/// A template that is kept for more packages than this is better kept for all.
const PACKAGES_LIMIT: usize = 1_000;

/// The template as it is now, and the packages that it is kept for.
pub struct Kept {
    pub template: entity::Model,
    pub package_ids: Vec<i64>,
}

pub async fn update(ctx: &Context, actor: &Actor, id: i64, input: UpdateTemplate) -> Result<Kept, Error> {
    actor.require(Ability::Admin)?;
    let eol_date = check(&input)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, input) = (actor.clone(), input.clone());
            Box::pin(async move {
                let template = template::by_id(tx, id).await?.ok_or(Error::NotFound("template"))?;
                let before = with_packages(tx, template).await?;
                let package_ids = wanted_packages(tx, &input, &before).await?;
                icons::require(tx, input.icon.as_deref()).await?;
                require_category(tx, input.category_id).await?;
                let changed = Kept { template: apply(before.template.clone(), input, eol_date), package_ids };
                let Some((was, is)) = differences(shown(&before), shown(&changed)) else { return Ok(before) };
                let template = template::update(tx, changed.template, now).await?;
                template::set_packages(tx, id, &changed.package_ids).await?;
                audit::record(tx, entry(&actor, now, "update_template", ("template", id), Some(was), Some(is))).await?;
                Ok(Kept { template, package_ids: changed.package_ids })
            })
        })
        .await
}

/// Refused while servers are built from it: their rebuild, and what they are shown as, needs it.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    template::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("template"))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let template = template::by_id(tx, id).await?.ok_or(Error::NotFound("template"))?;
                let servers = template::servers(tx, id).await?;
                if servers > 0 {
                    return Err(Error::invalid(format!(
                        "{servers} servers are built from template {}; disable it instead.",
                        template.slug
                    )));
                }
                let profiles = profile::with_template(tx, id).await?;
                if !profiles.is_empty() {
                    return Err(Error::invalid(format!(
                        "{} group profiles offer template {}: {}.",
                        profiles.len(),
                        template.slug,
                        profiles.join(", ")
                    )));
                }
                let before = with_packages(tx, template).await?;
                template::remove(tx, id).await?;
                let written = entry(&actor, now, "remove_template", ("template", id), Some(shown(&before)), None);
                Ok(audit::record(tx, written).await?)
            })
        })
        .await
}

async fn with_packages(tx: &Tx, template: entity::Model) -> Result<Kept, Error> {
    let package_ids = template::packages(tx, &[template.id]).await?.into_iter().map(|(_, package)| package).collect();
    Ok(Kept { template, package_ids })
}

/// Those that are named, each of which is there; without a list those of before.
async fn wanted_packages(tx: &Tx, input: &UpdateTemplate, before: &Kept) -> Result<Vec<i64>, Error> {
    let Some(mut wanted) = input.package_ids.clone() else { return Ok(before.package_ids.clone()) };
    wanted.sort_unstable();
    wanted.dedup();
    let known = package::all(tx).await?;
    let is_unknown = |id: &&i64| known.iter().all(|package| package.id != **id);
    let errors = wanted.iter().filter(is_unknown).map(|id| format!("The packageIds name {id}, which is no package."));
    rules::done(errors.collect())?;
    Ok(wanted)
}

async fn require_category(tx: &Tx, category_id: Option<i64>) -> Result<(), Error> {
    let Some(id) = category_id else { return Ok(()) };
    match template_category::by_id(tx, id).await? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(format!("The categoryId {id} is no category of templates."))),
    }
}

/// Answers the end of life, where it is changed.
fn check(input: &UpdateTemplate) -> Result<Option<Option<Micros>>, Error> {
    let mut errors = Vec::new();
    for (field, value, least, most) in [
        ("name", input.name.as_deref(), 1, 100),
        ("version", input.version.as_deref(), 1, 100),
        ("variant", input.variant.as_ref().and_then(Option::as_deref), 1, 100),
        ("description", input.description.as_deref(), 0, 1_000),
    ] {
        if let Some(value) = value {
            rules::text(&mut errors, field, value, least, most);
        }
    }
    if let Some(arch) = input.arch {
        rules::within(&mut errors, "arch", arch, 1..=2);
    }
    if let Some(bytes) = input.image_virtual_bytes {
        rules::within(
            &mut errors,
            "imageVirtualBytes",
            bytes,
            0..=i64::try_from(MAX_VIRTUAL_BYTES).unwrap_or(i64::MAX),
        );
        if input.image_url.is_none() {
            errors.push("The imageVirtualBytes goes with an imageUrl.".to_owned());
        }
    }
    if input.r#type.as_ref().is_some_and(|kind| !OS_TYPES.contains(&kind.as_str())) {
        errors.push("The type must be linux, windows or unix.".to_owned());
    }
    if input.package_ids.as_ref().is_some_and(|ids| ids.len() > PACKAGES_LIMIT) {
        errors.push(format!("The packageIds may name at most {PACKAGES_LIMIT} packages."));
    }
    check_image(&mut errors, input.image_url.as_deref(), input.image_digest.as_deref());
    let date = input.eol_date.as_ref().map(|date| date.as_deref().map(midnight));
    if date.is_some_and(|date| date.is_some_and(|date| date.is_none())) {
        errors.push("The eolDate must be a day as YYYY-MM-DD.".to_owned());
    }
    rules::done(errors)?;
    Ok(date.map(Option::flatten))
}

/// The beginning of a day in UTC; `None` where the text is no day.
fn midnight(text: &str) -> Option<Micros> {
    let day: NaiveDate = text.trim().parse().ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

fn apply(mut row: entity::Model, input: UpdateTemplate, new_eol_date: Option<Option<Micros>>) -> entity::Model {
    let UpdateTemplate {
        name,
        version,
        variant,
        description,
        category_id,
        icon,
        arch,
        r#type,
        uefi,
        enabled,
        eol,
        eol_date: _,
        eol_warning,
        package_ids: _,
        image_url,
        image_digest,
        image_virtual_bytes,
    } = input;
    row.name = name.map_or(row.name, |name| name.trim().to_owned());
    row.version = version.map_or(row.version, |version| version.trim().to_owned());
    row.variant = variant.unwrap_or(row.variant);
    row.description = description.unwrap_or(row.description);
    row.category_id = category_id.unwrap_or(row.category_id);
    row.icon = icon.unwrap_or(row.icon);
    row.arch = arch.and_then(|arch| arch.try_into().ok()).unwrap_or(row.arch);
    row.os_type = r#type.unwrap_or(row.os_type);
    row.uefi = uefi.unwrap_or(row.uefi);
    row.enabled = enabled.unwrap_or(row.enabled);
    row.eol = eol.unwrap_or(row.eol);
    row.eol_date = new_eol_date.unwrap_or(row.eol_date);
    row.eol_warning = eol_warning.unwrap_or(row.eol_warning);
    if let (Some(url), Some(digest)) = (image_url, image_digest) {
        row.image_url = Some(url);
        row.image_digest = digest.to_lowercase();
        // Known when a node has fetched it.
        row.image_bytes = 0;
        row.image_virtual_bytes = image_virtual_bytes.unwrap_or(0);
    }
    row
}

fn shown(Kept { template: row, package_ids }: &Kept) -> Value {
    json!({
        "slug": row.slug, "name": row.name, "version": row.version, "variant": row.variant,
        "description": row.description, "categoryId": row.category_id, "icon": row.icon, "arch": row.arch,
        "type": row.os_type, "uefi": row.uefi, "enabled": row.enabled, "eol": row.eol, "eolDate": row.eol_date,
        "eolWarning": row.eol_warning, "packageIds": package_ids, "imageUrl": row.image_url,
        "imageDigest": row.image_digest, "imageVirtualBytes": row.image_virtual_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_of_life_is_a_day() {
        assert_eq!(midnight("1970-01-02"), Some(86_400_000_000));
        for text in ["", "2025-13-01", "2025-02-30", "tomorrow", "2025-01-01T00:00:00Z", "99999999-01-01"] {
            assert_eq!(midnight(text), None, "{text}");
        }
    }
}
