//! Group profiles: where and what their customers may create. And who has which.

use berth_api::v1::{
    confirm::Confirm,
    self_service_settings::{CreateGroupProfile, UpdateGroupProfile},
};
use berth_store::{
    Micros, Tx, audit,
    entity::{self_service_account, self_service_profile::Model},
    hypervisor_group, package,
    self_service::{
        account, pack,
        profile::{self, Allowed, NewProfile},
    },
    template,
    user::Relation,
};
use serde_json::{Value, json};

use super::customer;
use crate::{
    Context, Error,
    actions::{differences, entry, rules},
    actor::{Ability, Actor},
};

/// By the hour, or in resource packs: the two have collections of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Hourly,
    Resource,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Hourly => profile::HOURLY,
            Kind::Resource => profile::RESOURCE,
        }
    }

    /// As a 404 calls it.
    pub fn thing(self) -> &'static str {
        match self {
            Kind::Hourly => "hourly group profile",
            Kind::Resource => "resource group profile",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Kind::Hourly => "hourly_group_profile",
            Kind::Resource => "resource_group_profile",
        }
    }
}

const MOST_SERVERS: i64 = 10_000;
/// Of each list.
const MOST_IDS: usize = 200;

pub async fn create(
    ctx: &Context,
    actor: &Actor,
    kind: Kind,
    input: CreateGroupProfile,
) -> Result<(Model, Allowed), Error> {
    actor.require(Ability::Admin)?;
    let CreateGroupProfile { name, enabled, max_servers, hypervisor_groups, packages, templates } = input;
    let allowed = Allowed {
        groups: hypervisor_groups.unwrap_or_default(),
        packages: packages.unwrap_or_default(),
        templates: templates.unwrap_or_default(),
    };
    let now = ctx.now();
    let new = NewProfile {
        kind: kind.word(),
        name: name.trim().to_owned(),
        enabled: enabled.unwrap_or(true),
        max_servers: max_servers.unwrap_or(0),
        allowed: once_each(allowed),
        now,
    };
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, new) = (actor.clone(), new.clone());
        Box::pin(async move {
            check(tx, &new.name, new.max_servers, &new.allowed).await?;
            let allowed = new.allowed.clone();
            let row = profile::insert(tx, new).await?;
            let (subject, after) = ((kind.subject(), row.id), Some(told(&row, &allowed)));
            audit::record(tx, entry(&actor, now, "create_group_profile", subject, None, after)).await?;
            Ok((row, allowed))
        })
    });
    made.await.map_err(taken)
}

/// Servers that were created by it stay.
pub async fn update(
    ctx: &Context,
    actor: &Actor,
    (kind, id): (Kind, i64),
    input: UpdateGroupProfile,
) -> Result<(Model, Allowed), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            let row = profile::by_id(tx, kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
            let held = profile::allowed(tx, &[id]).await?.pop().unwrap_or_default();
            let UpdateGroupProfile { name, enabled, max_servers, hypervisor_groups, packages, templates } = input;
            let mut to = row.clone();
            to.name = name.map_or(to.name, |name| name.trim().to_owned());
            to.enabled = enabled.unwrap_or(to.enabled);
            to.max_servers = max_servers.unwrap_or(to.max_servers);
            let allowed = once_each(Allowed {
                groups: hypervisor_groups.unwrap_or_else(|| held.groups.clone()),
                packages: packages.unwrap_or_else(|| held.packages.clone()),
                templates: templates.unwrap_or_else(|| held.templates.clone()),
            });
            check(tx, &to.name, to.max_servers, &allowed).await?;
            let Some((before, after)) = differences(told(&row, &held), told(&to, &allowed)) else {
                return Ok((row, held));
            };
            let to = profile::update(tx, to, &allowed, now).await?;
            let subject = (kind.subject(), id);
            let written = entry(&actor, now, "update_group_profile", subject, Some(before), Some(after));
            audit::record(tx, written).await?;
            Ok((to, allowed))
        })
    });
    changed.await.map_err(taken)
}

/// Refused while customers have it.
pub async fn remove(ctx: &Context, actor: &Actor, (kind, id): (Kind, i64), confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    profile::by_id(ctx.store.read(), kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = profile::by_id(tx, kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
            let users = profile::users(tx, id).await?;
            if users > 0 {
                return Err(Error::invalid(format!(
                    "{users} users have the profile {}; take it from them first.",
                    row.name
                )));
            }
            let allowed = profile::allowed(tx, &[id]).await?.pop().unwrap_or_default();
            profile::remove(tx, id).await?;
            let (subject, before) = ((kind.subject(), id), Some(told(&row, &allowed)));
            Ok(audit::record(tx, entry(&actor, now, "remove_group_profile", subject, before, None)).await?)
        })
    });
    removed.await
}

/// Having it already is no mistake.
pub async fn give(ctx: &Context, actor: &Actor, relation: &Relation, (kind, id): (Kind, i64)) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let given = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, relation) = (actor.clone(), relation.clone());
        Box::pin(async move {
            let user = customer(tx, &relation).await?;
            let row = profile::by_id(tx, kind.word(), id).await?;
            let row = row.ok_or_else(|| Error::invalid(format!("The profileId {id} names no {}.", kind.thing())))?;
            if !row.enabled {
                return Err(Error::invalid(format!("The profile {} is disabled.", row.name)));
            }
            if !profile::give(tx, user.id, id, now).await? {
                return Ok(());
            }
            let after = Some(json!({ "kind": kind.word(), "profile": id }));
            Ok(audit::record(tx, entry(&actor, now, "give_group_profile", ("user", user.id), None, after)).await?)
        })
    });
    given.await
}

/// Servers that the customer created by it stay.
pub async fn take(ctx: &Context, actor: &Actor, relation: &Relation, (kind, id): (Kind, i64)) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let taken = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, relation) = (actor.clone(), relation.clone());
        Box::pin(async move {
            let user = customer(tx, &relation).await?;
            profile::by_id(tx, kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
            if !profile::take(tx, user.id, id).await? {
                return Err(Error::NotFound(kind.thing()));
            }
            let before = Some(json!({ "kind": kind.word(), "profile": id }));
            Ok(audit::record(tx, entry(&actor, now, "take_group_profile", ("user", user.id), before, None)).await?)
        })
    });
    taken.await
}

/// What a user is created with, or changed to; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub hourly: Option<Vec<i64>>,
    pub resource: Option<Vec<i64>>,
    /// 0 is none.
    pub hourly_pack: Option<i64>,
}

impl Wanted {
    /// Lists replace what the user had.
    pub(crate) async fn assign(&self, tx: &Tx, user_id: i64, now: Micros) -> Result<(), Error> {
        let Self { hourly, resource, hourly_pack } = self;
        let mut errors = Vec::new();
        for (kind, field, wanted) in [
            (Kind::Hourly, "selfServiceHourlyGroupProfiles", hourly),
            (Kind::Resource, "selfServiceResourceGroupProfiles", resource),
        ] {
            let Some(wanted) = wanted else { continue };
            for (_, held) in profile::of_users(tx, kind.word(), &[user_id]).await? {
                if !wanted.contains(&held.id) {
                    profile::take(tx, user_id, held.id).await?;
                }
            }
            for id in wanted {
                if profile::by_id(tx, kind.word(), *id).await?.is_some() {
                    profile::give(tx, user_id, *id, now).await?;
                } else {
                    errors.push(format!("The {field} names {id}, and there is no such profile."));
                }
            }
        }
        if let Some(id) = *hourly_pack {
            let wanted = Some(id).filter(|id| *id != 0);
            if wanted.is_some() && pack::by_id(tx, pack::HOURLY, id).await?.is_none() {
                errors.push(format!("The selfServiceHourlyResourcePack names {id}, and there is no such pack."));
            } else {
                let row = account::lock(tx, user_id, now).await?;
                account::set(tx, self_service_account::Model { hourly_pack_id: wanted, ..row }).await?;
            }
        }
        rules::done(errors)
    }
}

/// Every mistake at once.
async fn check(tx: &Tx, name: &str, max_servers: i64, allowed: &Allowed) -> Result<(), Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", name, 1, 100);
    rules::within(&mut errors, "maxServers", max_servers, 0..=MOST_SERVERS);
    let Allowed { groups, packages, templates } = allowed;
    for (field, ids) in [("hypervisorGroups", groups), ("packages", packages), ("templates", templates)] {
        if ids.len() > MOST_IDS {
            errors.push(format!("The {field} must be at most {MOST_IDS} ids."));
        }
    }
    rules::done(std::mem::take(&mut errors))?;
    for id in groups {
        if hypervisor_group::by_id(tx, *id).await?.is_none() {
            errors.push(format!("The hypervisorGroups name {id}, and there is no such group."));
        }
    }
    for id in packages {
        if package::by_id(tx, *id).await?.is_none() {
            errors.push(format!("The packages name {id}, and there is no such package."));
        }
    }
    for id in templates {
        if template::by_id(tx, *id).await?.is_none() {
            errors.push(format!("The templates name {id}, and there is no such template."));
        }
    }
    rules::done(errors)
}

fn once_each(allowed: Allowed) -> Allowed {
    let once = |mut ids: Vec<i64>| {
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    Allowed { groups: once(allowed.groups), packages: once(allowed.packages), templates: once(allowed.templates) }
}

fn told(row: &Model, allowed: &Allowed) -> Value {
    json!({
        "name": row.name,
        "enabled": row.enabled,
        "maxServers": row.max_servers,
        "hypervisorGroups": allowed.groups,
        "packages": allowed.packages,
        "templates": allowed.templates,
    })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("self_service_profiles", &["kind", "name"]) => {
            Error::Conflict("A group profile of that name exists already.".to_owned())
        }
        other => other,
    }
}
