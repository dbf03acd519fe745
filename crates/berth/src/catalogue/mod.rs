//! The catalogue of cloud images that distributions publish: where they are, and where their checksums stand. The
//! list is `templates/catalogue.toml`, which is compiled in.

mod checksums;
mod publisher;

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use publisher::{Offer, Publisher};

const CATALOGUE: &str = include_str!("../../../../templates/catalogue.toml");

/// One image of one publisher.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name in the catalogue, which becomes the template's slug.
    #[serde(skip_deserializing)]
    pub slug: String,
    pub name: String,
    pub version: String,
    pub variant: String,
    /// URL of the folder that holds the image and the checksums; ends with a slash.
    pub directory: String,
    pub image: String,
    pub checksums: String,
}

impl Entry {
    /// The body with which the API learns of the template. `url` is where nodes fetch the image, where they do.
    pub fn registration(&self, offer: &Offer, by_url: bool) -> Value {
        let Self { slug, name, version, variant, directory: _, image: _, checksums: _ } = self;
        let mut body = json!({
            "slug": slug, "name": name, "version": version, "variant": variant, "category": name,
            "description": format!("{name} {version}, the cloud image of its publisher."),
        });
        if by_url {
            body["imageUrl"] = json!(offer.url);
            body["imageDigest"] = json!(offer.digest);
            body["imageVirtualBytes"] = json!(offer.virtual_bytes);
        }
        body
    }
}

/// In the order of their names.
pub fn entries() -> anyhow::Result<Vec<Entry>> {
    let entries: BTreeMap<String, Entry> = toml::from_str(CATALOGUE).context("the catalogue of cloud images")?;
    Ok(entries.into_iter().map(|(slug, entry)| Entry { slug, ..entry }).collect())
}

pub fn find(slug: &str) -> anyhow::Result<Entry> {
    let found = entries()?.into_iter().find(|entry| entry.slug == slug);
    found
        .with_context(|| format!("the catalogue has no image {slug:?}; `berth template catalogue` lists what there is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_can_be_ordered_and_is_fetched_by_https_from_one_folder() {
        let entries = entries().unwrap();
        for distribution in ["Debian", "Ubuntu", "AlmaLinux", "Rocky Linux", "Fedora", "Alpine Linux"] {
            assert!(entries.iter().any(|entry| entry.name == distribution), "{distribution}");
        }
        for entry in entries {
            assert!(entry.directory.starts_with("https://") && entry.directory.ends_with('/'), "{}", entry.slug);
            assert!(!entry.image.contains('/') && !entry.checksums.contains('/'), "{}", entry.slug);
            assert_eq!(find(&entry.slug).unwrap().image, entry.image);
        }
        assert!(find("no-such").unwrap_err().to_string().contains("berth template catalogue"));
    }
}
