//! OS templates and their images.
//!
//! An image that is uploaded is read on its way to disk: its checksum becomes its name, and one that could reach
//! other files (a backing file, a data file) is refused.

use axum::body::Body;
use berth_api::v1::template::CreateTemplate;
use berth_store::{
    Tx, audit,
    entity::template as entity,
    template::{self, NewTemplate},
    template_category::{self, NewCategory},
};
use serde_json::json;

use super::{entry, icons, rules, upload};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    nodes::{MAX_IMAGE_BYTES, MAX_VIRTUAL_BYTES, image_file_name},
};

/// QEMU's documentation of qcow2: the header is read from the first 104 bytes.
const HEADER_BYTES: usize = 104;
pub(super) const OS_TYPES: [&str; 3] = ["linux", "windows", "unix"];

pub async fn create(ctx: &Context, actor: &Actor, input: CreateTemplate) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    check(&input)?;
    let (now, uuid) = (ctx.now(), ctx.rng.uuid());
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, input) = (actor.clone(), input.clone());
            Box::pin(async move {
                if let Some(known) = template::by_slug(tx, &input.slug).await? {
                    return Ok(known);
                }
                icons::require(tx, Some(&input.icon)).await?;
                let category_id = category(tx, &input, now).await?;
                let new = NewTemplate {
                    uuid,
                    category_id,
                    slug: input.slug,
                    name: input.name,
                    version: input.version,
                    variant: input.variant,
                    arch: input.arch,
                    description: input.description,
                    icon: input.icon,
                    os_type: input.r#type,
                    uefi: input.uefi,
                    image_digest: input.image_digest.unwrap_or_default().to_lowercase(),
                    image_url: input.image_url,
                    image_virtual_bytes: input.image_virtual_bytes,
                    now,
                };
                let row = template::insert(tx, new).await?;
                let after = json!({ "slug": row.slug, "imageUrl": row.image_url, "imageDigest": row.image_digest });
                audit::record(tx, entry(&actor, now, "create_template", ("template", row.id), None, Some(after)))
                    .await?;
                Ok(row)
            })
        })
        .await
}

/// The category that is named, made where it is missing.
async fn category(tx: &Tx, input: &CreateTemplate, now: i64) -> Result<i64, Error> {
    let name = input.category.clone().unwrap_or_else(|| input.name.clone());
    if let Some(known) = template_category::by_name(tx, &name).await? {
        return Ok(known.id);
    }
    let new = NewCategory { name, description: String::new(), icon: input.icon.clone(), position: 0, now };
    Ok(template_category::insert(tx, new).await?.id)
}

fn check(input: &CreateTemplate) -> Result<(), Error> {
    let mut errors = Vec::new();
    let slug_ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if input.slug.is_empty() || input.slug.len() > 64 || !input.slug.chars().all(slug_ok) {
        errors.push("The slug must have 1 to 64 of a-z, 0-9, - and the full stop.".to_owned());
    }
    rules::text(&mut errors, "name", &input.name, 1, 100);
    rules::text(&mut errors, "version", &input.version, 1, 100);
    rules::text(&mut errors, "variant", input.variant.as_deref().unwrap_or_default(), 0, 100);
    rules::text(&mut errors, "description", &input.description, 0, 1_000);
    rules::text(&mut errors, "category", input.category.as_deref().unwrap_or("-"), 1, 100);
    rules::within(&mut errors, "arch", input.arch.into(), 1..=2);
    rules::within(
        &mut errors,
        "imageVirtualBytes",
        input.image_virtual_bytes,
        0..=i64::try_from(MAX_VIRTUAL_BYTES).unwrap_or(i64::MAX),
    );
    if !OS_TYPES.contains(&input.r#type.as_str()) {
        errors.push("The type must be linux, windows or unix.".to_owned());
    }
    check_image(&mut errors, input.image_url.as_deref(), input.image_digest.as_deref());
    rules::done(errors)
}

/// Where an image comes from and what it must be go together.
pub(super) fn check_image(errors: &mut Vec<String>, url: Option<&str>, digest: Option<&str>) {
    let (Some(url), Some(digest)) = (url, digest) else {
        if url.is_some() || digest.is_some() {
            errors.push("The imageUrl and the imageDigest go together.".to_owned());
        }
        return;
    };
    // A password in it would be shown to everybody who reads templates.
    let sound = url::Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if !sound || url.len() > 2_000 || url.chars().any(char::is_control) {
        errors.push(
            "The imageUrl must be an http or https URL of at most 2000 characters, without a user or password."
                .to_owned(),
        );
    }
    if !is_digest(digest) {
        errors.push("The imageDigest must be sha256:<64 hex digits> or sha512:<128 hex digits>.".to_owned());
    }
}

fn is_digest(text: &str) -> bool {
    let hex =
        |digits: &str, length: usize| digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.split_once(':') {
        Some(("sha256", digits)) => hex(digits, 64),
        Some(("sha512", digits)) => hex(digits, 128),
        _ => false,
    }
}

/// Takes a qcow2 image for a template. A cut upload leaves nothing.
pub async fn upload(ctx: &Context, actor: &Actor, id: i64, body: Body) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    template::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("template"))?;
    let dir = ctx.config.templates_dir();
    let part = upload::Part::new(&dir, ctx.rng.uuid());
    let received = upload::receive("image", &part, body, HEADER_BYTES, MAX_IMAGE_BYTES).await?;
    let virtual_bytes =
        read_header(&received.header).map_err(|why| Error::invalid(format!("The image is refused: {why}.")))?;
    let virtual_bytes = i64::try_from(virtual_bytes).unwrap_or(i64::MAX);
    let path = dir.join(image_file_name(&received.digest));
    tokio::fs::rename(&part.0, &path).await.map_err(upload::disk)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, received) = (actor.clone(), received.clone());
            Box::pin(async move {
                let before = template::by_id(tx, id).await?.ok_or(Error::NotFound("template"))?;
                let row = template::set_image(tx, id, &received.digest, received.bytes, virtual_bytes, now).await?;
                let shown = |row: &entity::Model| {
                    json!({ "imageDigest": row.image_digest, "imageBytes": row.image_bytes, "imageUrl": row.image_url })
                };
                let (subject, before, after) = (("template", id), shown(&before), shown(&row));
                let written = entry(&actor, now, "upload_template_image", subject, Some(before), Some(after));
                audit::record(tx, written).await?;
                Ok(row)
            })
        })
        .await
}

/// The size of the disk that a qcow2 header claims; why the image is refused otherwise.
fn read_header(header: &[u8]) -> Result<u64, String> {
    let u32_at = |at: usize| header.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let u64_at = |at: usize| u64::from(u32_at(at)) << 32 | u64::from(u32_at(at + 4));
    if header.len() < HEADER_BYTES || &header[..4] != b"QFI\xfb" {
        return Err("it is not a qcow2 image".to_owned());
    }
    if u64_at(8) != 0 || u32_at(16) != 0 {
        return Err("it has a backing file".to_owned());
    }
    if u32_at(32) != 0 {
        return Err("it is encrypted".to_owned());
    }
    if u32_at(60) != 0 {
        return Err("it holds snapshots".to_owned());
    }
    if u32_at(4) >= 3 && u64_at(72) & 0b100 != 0 {
        return Err("it keeps its data in another file".to_owned());
    }
    let virtual_bytes = u64_at(24);
    if virtual_bytes == 0 || virtual_bytes > MAX_VIRTUAL_BYTES {
        return Err(format!("its disk has {virtual_bytes} bytes, and 1 to {MAX_VIRTUAL_BYTES} are allowed"));
    }
    Ok(virtual_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(change: impl Fn(&mut [u8])) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..4].copy_from_slice(b"QFI\xfb");
        bytes[7] = 3;
        bytes[24..32].copy_from_slice(&(1_u64 << 30).to_be_bytes());
        change(&mut bytes);
        bytes
    }

    #[test]
    fn t10_images_that_reach_other_files_are_refused() {
        assert_eq!(read_header(&header(|_| {})), Ok(1 << 30));
        assert!(read_header(&header(|b| b[15] = 1)).unwrap_err().contains("backing"));
        assert!(read_header(&header(|b| b[79] = 4)).unwrap_err().contains("another file"));
        assert!(read_header(&header(|b| b[63] = 1)).unwrap_err().contains("snapshots"));
        assert!(read_header(&header(|b| b[24] = 0xff)).unwrap_err().contains("allowed"));
        assert!(read_header(b"not an image").is_err());
    }
}
