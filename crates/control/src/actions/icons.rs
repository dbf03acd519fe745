//! Icons: pictures that everybody may see, named by what is in them.
//!
//! No name ever comes from a request, and only pictures that can hold no script are taken.

use berth_api::v1::confirm::Confirm;
use berth_store::{Db, Tx, audit, entity::icon as entity, icon};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub const ICON_LIMIT_BYTES: usize = 256 << 10;
const ICONS_LIMIT: u64 = 1_000;
/// 32 hex digits and an ending.
const NAME_LIMIT_BYTES: usize = 40;

/// Names under which a plain picture of Berth's own is served: of templates that bring none, and of the recipes.
const BUILT_IN: [&str; 3] = ["linux_logo.png", "linux", "debian"];
static PLAIN_PICTURE: &[u8] = include_bytes!("../../assets/plain_logo.png");

/// A picture and its media type.
pub struct Picture {
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// What is served under a name; the name is only ever compared.
pub async fn picture(ctx: &Context, name: &str) -> Result<Picture, Error> {
    if BUILT_IN.contains(&name) {
        return Ok(Picture { media_type: "image/png".to_owned(), bytes: PLAIN_PICTURE.to_vec() });
    }
    let row = match is_name(name) {
        true => icon::by_name(ctx.store.read(), name).await?,
        false => None,
    };
    let row = row.ok_or(Error::NotFound("icon"))?;
    Ok(Picture { media_type: row.media_type, bytes: row.picture })
}

/// Keeps a picture. The same one again answers the icon that is there.
pub async fn create(ctx: &Context, actor: &Actor, picture: Vec<u8>) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let (media_type, ending) = kind(&picture)?;
    let name = format!("{}.{ending}", hex::encode(&Sha256::digest(&picture)[..16]));
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, name, picture) = (actor.clone(), name.clone(), picture.clone());
            Box::pin(async move {
                if let Some(known) = icon::by_name(tx, &name).await? {
                    return Ok(known);
                }
                if icon::page(tx, 0, 1).await?.1 >= ICONS_LIMIT {
                    return Err(Error::invalid(format!("There are {ICONS_LIMIT} icons already; remove some first.")));
                }
                let row = icon::insert(tx, &name, media_type, &picture, now).await?;
                let after = Some(shown(&row));
                audit::record(tx, entry(&actor, now, "create_icon", ("icon", row.id), None, after)).await?;
                Ok(row)
            })
        })
        .await
}

/// Refused while something shows it.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    icon::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("icon"))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let row = icon::by_id(tx, id).await?.ok_or(Error::NotFound("icon"))?;
                let [templates, categories, groups] = icon::uses(tx, &row.name).await?;
                if templates + categories + groups > 0 {
                    return Err(Error::invalid(format!(
                        "The icon is shown by {templates} templates, {categories} categories and {groups} hypervisor \
                         groups; give them another one first."
                    )));
                }
                icon::remove(tx, id).await?;
                audit::record(tx, entry(&actor, now, "remove_icon", ("icon", id), Some(shown(&row)), None)).await?;
                Ok(())
            })
        })
        .await
}

/// That an icon of that name is there, where one is named.
pub async fn require(tx: &Tx, name: Option<&str>) -> Result<(), Error> {
    match name {
        None => Ok(()),
        Some(name) if is_there(tx, name).await? => Ok(()),
        Some(_) => Err(Error::invalid("The icon must be the name of one that was uploaded, or linux_logo.png.")),
    }
}

async fn is_there(db: &impl Db, name: &str) -> Result<bool, Error> {
    Ok(BUILT_IN.contains(&name) || (is_name(name) && icon::by_name(db, name).await?.is_some()))
}

/// Whether it can be the name of an icon at all; a database may not even take the others as texts.
fn is_name(text: &str) -> bool {
    text.len() <= NAME_LIMIT_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

/// Media type and ending of a picture, told by its first bytes. SVG is none of them: it can hold scripts.
fn kind(picture: &[u8]) -> Result<(&'static str, &'static str), Error> {
    if picture.len() > ICON_LIMIT_BYTES {
        return Err(Error::invalid(format!("The icon must have at most {ICON_LIMIT_BYTES} bytes.")));
    }
    let begins = |sign: &[u8]| picture.starts_with(sign);
    if begins(b"\x89PNG\r\n\x1a\n") {
        Ok(("image/png", "png"))
    } else if begins(b"\xff\xd8\xff") {
        Ok(("image/jpeg", "jpg"))
    } else if begins(b"GIF87a") || begins(b"GIF89a") {
        Ok(("image/gif", "gif"))
    } else if begins(b"RIFF") && picture.get(8..12) == Some(b"WEBP") {
        Ok(("image/webp", "webp"))
    } else {
        Err(Error::invalid("The icon must be a PNG, JPEG, GIF or WebP picture."))
    }
}

fn shown(row: &entity::Model) -> Value {
    json!({ "name": row.name, "mediaType": row.media_type, "bytes": row.picture.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pictures_kind_is_told_by_what_it_holds() {
        assert_eq!(kind(PLAIN_PICTURE).unwrap(), ("image/png", "png"));
        assert_eq!(kind(b"RIFF\0\0\0\0WEBPVP8 ").unwrap().1, "webp");
        for other in [&b""[..], b"<svg onload='x()'/>", b"RIFF", b"RIFF\0\0\0\0WAVE", b"\x7fELF", b"<html>"] {
            assert!(kind(other).is_err(), "{other:?}");
        }
        let mut large = PLAIN_PICTURE.to_vec();
        large.resize(ICON_LIMIT_BYTES + 1, 0);
        assert!(kind(&large).is_err());
    }
}
