//! Users: created by the billing system, with its own relation to each.

use berth_api::v1::user::{CreateUser, ModifyUser};
use berth_store::{
    Tx, audit,
    entity::user as entity,
    password_link, server, session,
    user::{self, Change, NewUser, Relation},
};
use serde_json::{Value, json};

use super::{entry, passwords, rules, self_service::profiles::Wanted, staff};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    mail::{self, Letter},
};

const PASSWORD_CHARS: usize = 30;

/// The new user, and the password that is shown once.
pub async fn create(ctx: &Context, actor: &Actor, input: CreateUser) -> Result<(entity::Model, String), Error> {
    actor.require(Ability::Admin)?;
    let language = check(&input)?;
    let password = ctx.rng.letters_and_digits(PASSWORD_CHARS);
    let (now, password_hash) = (ctx.now(), passwords::hash(ctx, &password).await?);
    let wanted = Wanted {
        hourly: input.self_service_hourly_group_profiles,
        resource: input.self_service_resource_group_profiles,
        hourly_pack: input.self_service_hourly_resource_pack,
    };
    let plain = NewUser::plain(
        ctx.rng.uuid(),
        input.name.as_deref().unwrap_or_default().trim(),
        input.email.as_deref().unwrap_or_default().trim(),
        password_hash,
        now,
    );
    let new = NewUser {
        ext_relation_id: input.ext_relation_id,
        rel_str: input.rel_str.filter(|text| !text.is_empty()),
        self_service: input.self_service.and_then(|code| i32::try_from(code).ok()).unwrap_or(0),
        self_service_hourly_credit: input.self_service_hourly_credit.unwrap_or(false),
        timezone: input.timezone.unwrap_or(plain.timezone),
        language: language.unwrap_or(plain.language),
        ..plain
    };
    let (name, email) = (new.name.clone(), new.email.clone());
    let letter = Letter::Welcome { name, email, password: password.clone() };
    let draft = if input.send_mail == Some(true) { mail::draft(ctx, &letter, &new.language)? } else { None };
    let user = ctx
        .store
        .write_tx::<_, Error>(|tx| {
            let (new, wanted) = (new.clone(), wanted.clone());
            let (actor, draft) = (actor.clone(), draft.clone());
            Box::pin(async move {
                let user = user::insert(tx, new).await?;
                wanted.assign(tx, user.id, now).await?;
                mail::post(tx, draft, &user, now).await?;
                let written = entry(&actor, now, "create_user", ("user", user.id), None, Some(shown(&user)));
                audit::record(tx, written).await?;
                Ok(user)
            })
        })
        .await
        .map_err(taken)?;
    Ok((user, password))
}

/// Answers the language that the input names.
fn check(input: &CreateUser) -> Result<Option<String>, Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", input.name.as_deref().unwrap_or_default(), 1, 191);
    rules::email(&mut errors, "email", input.email.as_deref().unwrap_or_default().trim());
    if let Some(code) = input.self_service {
        rules::within(&mut errors, "selfService", code, 0..=3);
    }
    if let Some(id) = input.ext_relation_id {
        rules::within(&mut errors, "extRelationId", id, 1..=i64::MAX);
    }
    if let Some(text) = input.rel_str.as_deref().filter(|text| !text.is_empty()) {
        rules::text(&mut errors, "relStr", text, 1, 191);
    }
    if let Some(name) = &input.timezone {
        rules::timezone(&mut errors, "timezone", name);
    }
    let language = rules::language(&mut errors, "language", input.language.as_deref());
    rules::done(errors)?;
    Ok(language)
}

/// Changes what the input names.
pub async fn modify(
    ctx: &Context,
    actor: &Actor,
    relation: &Relation,
    input: ModifyUser,
) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let language = check_change(&input)?;
    let trimmed = |text: &str| text.trim().to_owned();
    let change = Change {
        name: input.name.as_deref().map(trimmed),
        email: input.email.as_deref().map(trimmed),
        self_service: input.self_service.and_then(|code| i32::try_from(code).ok()),
        self_service_hourly_credit: input.self_service_hourly_credit,
        suspended: input.enabled.map(|enabled| !enabled),
        password_hash: None,
        timezone: input.timezone,
        language,
    };
    let wanted = Wanted {
        hourly: input.self_service_hourly_group_profiles,
        resource: input.self_service_resource_group_profiles,
        hourly_pack: input.self_service_hourly_resource_pack,
    };
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (relation, change, actor) = (relation.clone(), change.clone(), actor.clone());
            let wanted = wanted.clone();
            Box::pin(async move {
                let before = user::by_relation(tx, &relation).await?.ok_or(Error::NotFound("ext_relation_id"))?;
                staff::guard(&actor, &before)?;
                if change.suspended == Some(true) {
                    staff::keep_an_owner(tx, &before).await?;
                }
                let after = user::change(tx, before.clone(), change, now).await?;
                // What was mailed to the address before is not for whoever has it now.
                if after.email_key != before.email_key {
                    password_link::of_user_gone(tx, after.id).await?;
                }
                wanted.assign(tx, after.id, now).await?;
                let (before, shown_after) = (Some(shown(&before)), Some(shown(&after)));
                let written = entry(&actor, now, "modify_user", ("user", after.id), before, shown_after);
                audit::record(tx, written).await?;
                Ok(after)
            })
        })
        .await
        .map_err(taken)
}

/// Answers the language that the input names.
fn check_change(input: &ModifyUser) -> Result<Option<String>, Error> {
    let mut errors = Vec::new();
    if let Some(name) = &input.name {
        rules::text(&mut errors, "name", name, 1, 191);
    }
    if let Some(email) = &input.email {
        rules::email(&mut errors, "email", email.trim());
    }
    if let Some(code) = input.self_service {
        rules::within(&mut errors, "selfService", code, 0..=3);
    }
    if let Some(name) = &input.timezone {
        rules::timezone(&mut errors, "timezone", name);
    }
    let language = rules::language(&mut errors, "language", input.language.as_deref());
    rules::done(errors)?;
    Ok(language)
}

/// One's own choice, in the panel.
pub async fn choose_language(ctx: &Context, actor: &Actor, id: i64, wanted: &str) -> Result<(), Error> {
    let mut errors = Vec::new();
    let language = rules::language(&mut errors, "language", Some(wanted));
    rules::done(errors)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, language) = (actor.clone(), language.clone());
        Box::pin(async move {
            let before = user::by_id(tx, id).await?.ok_or(Error::Unauthenticated)?;
            let after = user::change(tx, before.clone(), Change { language, ..Change::default() }, now).await?;
            let (before, after) = (json!({ "language": before.language }), json!({ "language": after.language }));
            let written = entry(&actor, now, "choose_language", ("user", id), Some(before), Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    changed.await
}

/// A new password in place of the old one, and whose it is. Only of customers: nobody resets a stronger account's
/// password.
pub async fn reset_password(
    ctx: &Context,
    actor: &Actor,
    relation: &Relation,
) -> Result<(entity::Model, String), Error> {
    actor.require(Ability::Support)?;
    let password = ctx.rng.letters_and_digits(PASSWORD_CHARS);
    let (now, password_hash) = (ctx.now(), passwords::hash(ctx, &password).await?);
    let user = ctx.store.write_tx::<_, Error>(|tx| {
        let (relation, password_hash, actor) = (relation.clone(), password_hash.clone(), actor.clone());
        Box::pin(async move {
            let user = user::by_relation(tx, &relation).await?.ok_or(Error::NotFound("ext_relation_id"))?;
            if user.role.is_some() {
                return Err(Error::Forbidden("the password of staff is not reset through the API"));
            }
            let before = shown(&user);
            let change = Change { password_hash: Some(password_hash), ..Change::default() };
            let user = user::change(tx, user, change, now).await?;
            // Who knew the old one is out, and who was mailed a link.
            session::end_others(tx, user.id, None).await?;
            password_link::of_user_gone(tx, user.id).await?;
            let subject = ("user", user.id);
            let written = entry(&actor, now, "reset_user_password", subject, Some(before), Some(shown(&user)));
            audit::record(tx, written).await?;
            Ok(user)
        })
    });
    Ok((user.await?, password))
}

fn taken(error: Error) -> Error {
    let Error::Store(store) = &error else { return error };
    for (column, what) in [("email_key", "e-mail address"), ("ext_relation_id", "extRelationId"), ("rel_str", "relStr")]
    {
        if store.violates("users", &[column]) {
            return Error::Conflict(format!("A user with this {what} exists already."));
        }
    }
    error
}

/// The user of a relation, or the 404 that makes a billing module create one.
pub async fn by_relation(ctx: &Context, actor: &Actor, relation: &Relation) -> Result<entity::Model, Error> {
    actor.require(Ability::Read)?;
    user::by_relation(ctx.store.read(), relation).await?.ok_or(Error::NotFound("ext_relation_id"))
}

/// A page of users, and how many there are.
pub async fn list(
    ctx: &Context,
    actor: &Actor,
    filter: &user::Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<entity::Model>, u64), Error> {
    actor.require(Ability::Read)?;
    let mut errors = Vec::new();
    for (field, value) in [("email", &filter.email), ("search", &filter.search)] {
        if let Some(value) = value {
            rules::text(&mut errors, field, value, 1, 191);
        }
    }
    rules::done(errors)?;
    Ok(user::page(ctx.store.read(), filter, offset, limit).await?)
}

/// How a request names a user.
#[derive(Clone, Debug)]
pub enum Whose {
    Relation(Relation),
    Id(i64),
}

impl Whose {
    async fn find(&self, tx: &Tx) -> Result<entity::Model, Error> {
        match self {
            Self::Relation(relation) => {
                user::by_relation(tx, relation).await?.ok_or(Error::NotFound("ext_relation_id"))
            }
            Self::Id(id) => user::by_id(tx, *id).await?.ok_or(Error::NotFound("user")),
        }
    }
}

/// Refused while there are servers of theirs, with the number.
pub async fn delete(ctx: &Context, actor: &Actor, whose: &Whose) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (whose, actor) = (whose.clone(), actor.clone());
            Box::pin(async move {
                let user = whose.find(tx).await?;
                staff::guard(&actor, &user)?;
                staff::keep_an_owner(tx, &user).await?;
                let filter = server::Filter { owner_id: Some(user.id), ..server::Filter::default() };
                let (_, servers) = server::page(tx, &filter, 0, 1).await?;
                if servers > 0 {
                    return Err(Error::Invalid(vec![format!(
                        "The user has {servers} servers; delete or hand them over first."
                    )]));
                }
                // A shop ends a server and its customer in one go; the node takes its time over the first.
                if let Some(asking) = actor.user_id.filter(|asking| *asking != user.id) {
                    server::hand_over_deleting(tx, user.id, asking).await?;
                }
                let written = entry(&actor, now, "delete_user", ("user", user.id), Some(shown(&user)), None);
                user::delete(tx, user).await?;
                audit::record(tx, written).await?;
                Ok(())
            })
        })
        .await
        .map_err(|error| match error {
            Error::Store(berth_store::StoreError::ForeignKey(_)) => {
                Error::invalid("The user still has keys or tokens; delete them first.")
            }
            other => other,
        })
}

fn shown(user: &entity::Model) -> Value {
    json!({
        "name": user.name,
        "email": user.email,
        "extRelationId": user.ext_relation_id,
        "relStr": user.rel_str,
        "selfService": user.self_service,
        "selfServiceHourlyCredit": user.self_service_hourly_credit,
        "suspended": user.suspended,
        "timezone": user.timezone,
        "language": user.language,
    })
}
