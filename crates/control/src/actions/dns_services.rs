//! DNS servers that keep the names of addresses.

use berth_api::v1::dns::{CreateDnsService, ModifyDnsService};
use berth_store::{
    audit,
    dns_service::{self, Change, NewService},
    entity::dns_service as entity,
};
use serde_json::{Value, json};
use url::Url;

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

const LOCAL: &str = "localhost";

pub async fn create(ctx: &Context, actor: &Actor, input: CreateDnsService) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let server_name = input.server_name.as_deref().map_or(LOCAL, str::trim).to_owned();
    check(Some(&input.name), Some(&input.url), Some(&input.api_key), Some(&server_name))?;
    let (now, uuid) = (ctx.now(), ctx.rng.uuid());
    let new = NewService {
        uuid,
        name: input.name.trim().to_owned(),
        url: input.url.trim().trim_end_matches('/').to_owned(),
        server_name,
        api_key_enc: ctx.seal("dns_services", "api_key_enc", uuid, &input.api_key),
        now,
    };
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, new) = (actor.clone(), new.clone());
        Box::pin(async move {
            let row = dns_service::insert(tx, new).await?;
            let subject = ("dns_service", row.id);
            audit::record(tx, entry(&actor, now, "create_dns_service", subject, None, Some(shown(&row)))).await?;
            Ok(row)
        })
    });
    made.await.map_err(taken)
}

pub async fn modify(ctx: &Context, actor: &Actor, id: i64, input: ModifyDnsService) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let ModifyDnsService { name, url, api_key, server_name, enabled } = input;
    check(name.as_deref(), url.as_deref(), api_key.as_deref(), server_name.as_deref())?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, api_key) = (ctx.clone(), actor.clone(), api_key.clone());
        let (name, url, server_name) = (name.clone(), url.clone(), server_name.clone());
        Box::pin(async move {
            let before = dns_service::by_id(tx, id).await?.ok_or(Error::NotFound("dns service"))?;
            let change = Change {
                name: name.map(|name| name.trim().to_owned()),
                url: url.map(|url| url.trim().trim_end_matches('/').to_owned()),
                server_name: server_name.map(|name| name.trim().to_owned()),
                api_key_enc: api_key.map(|key| ctx.seal("dns_services", "api_key_enc", before.uuid, &key)),
                enabled,
            };
            let after = dns_service::change(tx, before.clone(), change, now).await?;
            let (before, shown_after) = (Some(shown(&before)), Some(shown(&after)));
            let subject = ("dns_service", id);
            audit::record(tx, entry(&actor, now, "modify_dns_service", subject, before, shown_after)).await?;
            Ok(after)
        })
    });
    changed.await.map_err(taken)
}

/// Refused while there are zones of it.
pub async fn delete(ctx: &Context, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let deleted = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = dns_service::by_id(tx, id).await?.ok_or(Error::NotFound("dns service"))?;
            let before = Some(shown(&row));
            dns_service::delete(tx, row).await?;
            let subject = ("dns_service", id);
            Ok(audit::record(tx, entry(&actor, now, "delete_dns_service", subject, before, None)).await?)
        })
    });
    deleted.await.map_err(|error| match error {
        Error::Store(berth_store::StoreError::ForeignKey(_)) => {
            Error::invalid("The DNS service keeps zones; delete those first.")
        }
        other => other,
    })
}

fn check(name: Option<&str>, url: Option<&str>, key: Option<&str>, server_name: Option<&str>) -> Result<(), Error> {
    let mut errors = Vec::new();
    if let Some(name) = name {
        rules::text(&mut errors, "name", name, 3, 100);
    }
    if url.is_some_and(|url| !is_plain(url)) {
        errors.push(
            "The url must be http or https with a host, an optional port, and no path, user or query, \
             in at most 200 characters."
                .to_owned(),
        );
    }
    if let Some(key) = key {
        rules::text(&mut errors, "apiKey", key, 1, 200);
        if !key.is_ascii() || key.contains(char::is_whitespace) {
            errors.push("The apiKey must be of printable ASCII characters without spaces.".to_owned());
        }
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
    if server_name.is_some_and(|name| {
        let name = name.trim();
        !(1..=64).contains(&name.len()) || !name.chars().all(plain) || name.starts_with('.')
    }) {
        errors.push("The serverName must be 1 to 64 letters, digits, hyphens, dots and underscores.".to_owned());
    }
    rules::done(errors)
}

fn is_plain(text: &str) -> bool {
    let Ok(url) = Url::parse(text.trim()) else { return false };
    text.len() <= 200
        && ["http", "https"].contains(&url.scheme())
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("dns_services", &["name"]) => {
            Error::Conflict("A DNS service of that name exists already.".to_owned())
        }
        other => other,
    }
}

fn shown(row: &entity::Model) -> Value {
    json!({ "name": row.name, "url": row.url, "serverName": row.server_name, "enabled": row.enabled })
}
