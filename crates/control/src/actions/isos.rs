//! The library of ISO images.

use axum::body::Body;
use berth_api::v1::iso::{ChangeIso, CreateIso};
use berth_store::{
    Tx, audit,
    entity::iso as entity,
    iso::{self, Changes, NewIso},
    user,
};
use serde_json::json;

use super::{entry, rules, upload};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    nodes::iso_file_name,
};

/// The largest installation discs have some 15 GiB.
pub const MAX_ISO_BYTES: u64 = 32 << 30;
const MAX_URL_BYTES: usize = 2_000;
const MAX_USERS: usize = 100;
/// Servers that are named where an ISO image can't be deleted.
const NAMED: u64 = 20;
/// Up to the end of the first volume descriptor (ECMA-119): sector 16, a type, and the mark.
const HEADER_BYTES: usize = 16 * 2048 + 6;
const MARKS: [&[u8]; 2] = [b"CD001", b"BEA01"];

pub async fn create(ctx: &Context, actor: &Actor, input: CreateIso) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let new = check(ctx, input).await?;
    let now = ctx.now();
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, new) = (actor.clone(), new.clone());
        Box::pin(async move {
            let row = iso::insert(tx, new).await?;
            let after = json!({ "name": row.name, "url": row.url, "digest": row.digest });
            audit::record(tx, entry(&actor, now, "create_iso", ("iso", row.id), None, Some(after))).await?;
            Ok(row)
        })
    });
    made.await
}

async fn check(ctx: &Context, input: CreateIso) -> Result<NewIso, Error> {
    let CreateIso { name, description, arch, url, filename, digest, enabled, global, users } = input;
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", &name, 1, 100);
    rules::text(&mut errors, "description", description.as_deref().unwrap_or_default(), 0, 1_000);
    let arch = arch.unwrap_or(1);
    rules::within(&mut errors, "arch", arch, 1..=2);
    if let Some(url) = &url {
        check_url(&mut errors, url);
    }
    let filename = filename.or_else(|| url.as_deref().map(file_of)).unwrap_or_else(|| "uploaded.iso".to_owned());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+ ".contains(c);
    if filename.is_empty() || filename.len() > 100 || filename.starts_with('.') || !filename.chars().all(is_plain) {
        errors.push("The filename must have 1 to 100 of letters, digits, full stop, space, -, + and _.".to_owned());
    }
    let digest = digest.unwrap_or_default().to_lowercase();
    let is_digest = digest
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !digest.is_empty() && (url.is_none() || !is_digest) {
        errors.push("The digest must be sha256:<64 hex digits>, and goes with a url.".to_owned());
    }
    check_users(ctx, &mut errors, &users).await?;
    rules::done(errors)?;
    Ok(NewIso {
        uuid: ctx.rng.uuid(),
        name: name.trim().to_owned(),
        description,
        arch: i32::try_from(arch).unwrap_or(1),
        url,
        filename,
        enabled: enabled.unwrap_or(true),
        global: global.unwrap_or(true),
        users,
        in_library: true,
        digest,
        now: ctx.now(),
    })
}

/// Which addresses it leads to is for the node to find out, which fetches it.
pub(super) fn check_url(errors: &mut Vec<String>, text: &str) {
    let sound = text.len() <= MAX_URL_BYTES
        && url::Url::parse(text).is_ok_and(|url| {
            url.scheme() == "https"
                && url.host().is_some()
                && url.username().is_empty()
                && url.password().is_none()
                && url.path().to_ascii_lowercase().ends_with(".iso")
        });
    if !sound {
        errors.push(format!(
            "The url must be an https URL of at most {MAX_URL_BYTES} characters that ends in .iso, without a user or \
             password."
        ));
    }
}

/// The end of the URL's path, with what is unusual in a file's name as `_`.
pub(super) fn file_of(url: &str) -> String {
    let parsed = url::Url::parse(url).ok();
    let last = parsed.as_ref().and_then(|url| url.path_segments()?.next_back().map(str::to_owned)).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-+".contains(c) { c } else { '_' };
    let name: String = last.trim_start_matches('.').chars().map(plain).collect();
    name.chars().rev().take(100).collect::<Vec<_>>().into_iter().rev().collect()
}

async fn check_users(ctx: &Context, errors: &mut Vec<String>, users: &[i64]) -> Result<(), Error> {
    if users.len() > MAX_USERS {
        errors.push(format!("The users must be at most {MAX_USERS}."));
        return Ok(());
    }
    for id in users {
        if user::by_id(ctx.store.read(), *id).await?.is_none() {
            errors.push(format!("The users must be ids of users, and {id} is none."));
        }
    }
    Ok(())
}

pub async fn change(ctx: &Context, actor: &Actor, id: i64, input: ChangeIso) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let before = listed(ctx, id).await?;
    let ChangeIso { name, description, enabled, global, users } = input;
    let mut errors = Vec::new();
    if let Some(name) = &name {
        rules::text(&mut errors, "name", name, 1, 100);
    }
    if let Some(Some(description)) = &description {
        rules::text(&mut errors, "description", description, 0, 1_000);
    }
    check_users(ctx, &mut errors, users.as_deref().unwrap_or_default()).await?;
    rules::done(errors)?;
    let changes = Changes { name: name.map(|name| name.trim().to_owned()), description, enabled, global, users };
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, changes, before) = (actor.clone(), changes.clone(), before.clone());
        Box::pin(async move {
            let row = iso::change(tx, id, changes, now).await?.ok_or(Error::NotFound("iso"))?;
            let (before, after) = (shown(&before), shown(&row));
            audit::record(tx, entry(&actor, now, "change_iso", ("iso", id), Some(before), Some(after))).await?;
            Ok(row)
        })
    });
    changed.await
}

fn shown(row: &entity::Model) -> serde_json::Value {
    json!({ "name": row.name, "enabled": row.enabled, "global": row.global, "users": row.users })
}

/// One of the library.
pub async fn listed(ctx: &Context, id: i64) -> Result<entity::Model, Error> {
    let row = iso::by_id(ctx.store.read(), id).await?.filter(|row| row.in_library);
    row.ok_or(Error::NotFound("iso"))
}

/// Asked before a file is read.
pub async fn require_listed(ctx: &Context, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    listed(ctx, id).await?;
    Ok(())
}

/// Takes the file of an ISO image. A cut upload leaves nothing, and one that servers have mounted stays what it is.
pub async fn set_file(ctx: &Context, actor: &Actor, id: i64, body: Body) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    listed(ctx, id).await?;
    let dir = ctx.config.isos_dir();
    let part = upload::Part::new(&dir, ctx.rng.uuid());
    let received = upload::receive("ISO image", &part, body, HEADER_BYTES, MAX_ISO_BYTES).await?;
    let mark = received.header.get(HEADER_BYTES - 5..).unwrap_or_default();
    if !MARKS.contains(&mark) {
        return Err(Error::invalid("The ISO image is refused: neither ISO 9660 nor UDF is in it."));
    }
    let path = dir.join(iso_file_name(&received.digest));
    tokio::fs::rename(&part.0, &path).await.map_err(upload::disk)?;
    let now = ctx.now();
    let taken = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, digest, bytes) = (actor.clone(), received.digest.clone(), received.bytes);
        Box::pin(async move {
            let before = require_unmounted(tx, id, "get another file").await?;
            let row = iso::set_file(tx, id, &digest, bytes, now).await?.ok_or(Error::NotFound("iso"))?;
            let shown = |row: &entity::Model| json!({ "digest": row.digest, "size": row.size_bytes });
            let (before, after) = (shown(&before), shown(&row));
            audit::record(tx, entry(&actor, now, "upload_iso", ("iso", id), Some(before), Some(after))).await?;
            Ok(row)
        })
    });
    let taken = taken.await;
    if taken.is_err() {
        remove_file(ctx, &received.digest).await;
    }
    taken
}

/// Says which servers are in the way. Nobody mounts it until the transaction ends.
async fn require_unmounted(tx: &Tx, id: i64, what: &str) -> Result<entity::Model, Error> {
    let row = iso::lock(tx, id).await?.filter(|row| row.in_library).ok_or(Error::NotFound("iso"))?;
    let holders = iso::holders(tx, id, NAMED).await?;
    if holders.is_empty() {
        return Ok(row);
    }
    let ids = holders.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    Err(Error::invalid(format!("The ISO can't {what} while servers have it mounted: {ids}. Eject it there first.")))
}

pub async fn delete(ctx: &Context, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = require_unmounted(tx, id, "be deleted").await?;
            iso::remove(tx, id).await?;
            audit::record(tx, entry(&actor, now, "delete_iso", ("iso", id), Some(shown(&row)), None)).await?;
            Ok(row)
        })
    });
    let row = removed.await?;
    remove_file(ctx, &row.digest).await;
    Ok(())
}

/// Of an uploaded ISO image, unless another one has the same.
async fn remove_file(ctx: &Context, digest: &str) {
    if digest.is_empty() || iso::has_digest(ctx.store.read(), digest).await.unwrap_or(true) {
        return;
    }
    let path = ctx.config.isos_dir().join(iso_file_name(digest));
    if let Err(error) = tokio::fs::remove_file(&path).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "the file of a deleted ISO image stays");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t06_only_https_urls_that_end_in_iso_are_taken() {
        let errors = |url: &str| {
            let mut errors = Vec::new();
            check_url(&mut errors, url);
            errors.len()
        };
        for good in ["https://cdimage.test/a.iso", "https://cdimage.test:8443/x/A.ISO?sig=1"] {
            assert_eq!(errors(good), 0, "{good}");
        }
        let long = format!("https://a.test/{}.iso", "a".repeat(2_000));
        for bad in [
            "",
            "a.iso",
            "http://a.test/a.iso",
            "https://a.test/a.img",
            "https://u:p@a.test/a.iso",
            "file:///a.iso",
            "https:///",
            "https://a.test/?a.iso",
            &long,
        ] {
            assert_eq!(errors(bad), 1, "{bad}");
        }
    }

    #[test]
    fn t04_a_file_name_of_an_url_is_a_plain_name() {
        assert_eq!(file_of("https://a.test/x/debian-12.iso?a=/b"), "debian-12.iso");
        assert_eq!(file_of("https://a.test/..%2f..%2fetc.iso"), "%2f..%2fetc.iso".replace('%', "_"));
        assert_eq!(file_of("nonsense"), "");
    }
}
