//! What a publisher offers now: the checksum that stands in its list, and the size of the disk that the image's first
//! bytes claim. Private addresses are refused as they are on nodes, unless they are allowed by name.

use anyhow::{Context as _, anyhow, ensure};
use berth_agent::fetch_guard;
use berth_agent::image::{self, ImageLimits};
use serde::Serialize;

use super::{Entry, checksums};

/// Lists of checksums have some kilobytes.
const CHECKSUMS_LIMIT_BYTES: usize = 1 << 20;

/// An image as it is published now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    pub url: String,
    /// `sha256:<hex>` or `sha512:<hex>`
    pub digest: String,
    /// Of the file; 0 where the publisher's server does not say.
    pub bytes: u64,
    /// Of the disk in it.
    pub virtual_bytes: u64,
}

/// Where images come from: the publisher of each, or a mirror.
#[derive(Clone, Debug, Default)]
pub struct Publisher {
    /// URL of a folder with the same files.
    pub mirror: Option<String>,
    pub allowed_private_hosts: Vec<String>,
}

impl Publisher {
    pub async fn offer(&self, entry: &Entry) -> anyhow::Result<Offer> {
        let directory = self.mirror.as_ref().unwrap_or(&entry.directory).trim_end_matches('/');
        let list = format!("{directory}/{}", entry.checksums);
        let text = self.checksums(&list).await.with_context(|| format!("reading the checksums of {}", entry.slug))?;
        let alone = entry.checksums.starts_with(&entry.image);
        let digest = checksums::digest_of(&text, &entry.image, alone).map_err(|why| anyhow!("{list}: {why}"))?;
        let url = format!("{directory}/{}", entry.image);
        let facts = image::look_at(&url, ImageLimits::default(), &self.allowed_private_hosts).await;
        let facts = facts.with_context(|| format!("looking at the image of {}", entry.slug))?;
        Ok(Offer { url, digest, bytes: facts.size_bytes, virtual_bytes: facts.virtual_bytes })
    }

    async fn checksums(&self, url: &str) -> anyhow::Result<String> {
        let mut response = fetch_guard::get(url, &self.allowed_private_hosts).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.with_context(|| url.to_owned())? {
            ensure!(
                bytes.len() + piece.len() <= CHECKSUMS_LIMIT_BYTES,
                "{url} has more than {CHECKSUMS_LIMIT_BYTES} bytes, which no list of checksums has"
            );
            bytes.extend_from_slice(&piece);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
