//! `berth template add`: makes a template of a cloud image of the catalogue, with the checksum that its publisher
//! gives at this moment.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use berth_agent::image::{self, ImageDigest, ImageLimits};
use berth_agent::paths::Paths;
use clap::Args;
use serde_json::Value;

use super::COLUMNS_OF_ONE;
use crate::catalogue::{self, Entry, Offer, Publisher};
use crate::client::{Client, ProfileArgs};
use crate::output::Format;
use crate::{progress, recipe};

#[derive(Debug, Args)]
pub struct AddArgs {
    /// Name in the catalogue, e.g. debian-12
    name: String,
    /// Folder of a mirror that holds the publisher's files, in place of the publisher's
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// A host that may have a private address; may be given several times. Nodes need it in the control server's
    /// `allowed_private_hosts`
    #[arg(long, value_name = "HOST")]
    allow_private: Vec<String>,
    /// Download the image here and hand it to the control server, in place of nodes that download it: it stays as it
    /// is when the publisher replaces it. Again later, it renews the template's image
    #[arg(long)]
    upload: bool,
    /// Folder for downloads
    #[arg(long, env = "BERTH_RECIPE_CACHE", default_value = recipe::DEFAULT_CACHE)]
    cache: PathBuf,
}

pub async fn run(profile: &ProfileArgs, args: &AddArgs) -> anyhow::Result<()> {
    let entry = catalogue::find(&args.name)?;
    let client = Client::from_args(profile)?;
    let publisher = Publisher { mirror: args.mirror.clone(), allowed_private_hosts: args.allow_private.clone() };
    let spinner = progress::spinner(profile.json);
    spinner.set_message(format!("{}: asking its publisher", entry.slug));
    let offer = publisher.offer(&entry).await?;
    let template = if args.upload {
        let image = fetch(&entry, &offer, &publisher, &args.cache, |text| spinner.set_message(text)).await?;
        spinner.set_message(format!("{}: uploading", entry.slug));
        upload(&client, &entry, &offer, &image).await?
    } else {
        client.post("/media/templates", &entry.registration(&offer, true)).await?["data"].take()
    };
    spinner.finish_and_clear();
    print!("{}", Format::of(profile.json).fields(&COLUMNS_OF_ONE, &template));
    if !args.upload && template["imageDigest"] != offer.digest.as_str() {
        eprintln!(
            "This template was there before, with another image than {} is now; `--upload` gives it that one.",
            offer.url
        );
    }
    Ok(())
}

/// The image, whole and checked.
async fn fetch(
    entry: &Entry,
    offer: &Offer,
    publisher: &Publisher,
    cache: &Path,
    say: impl Fn(String),
) -> anyhow::Result<PathBuf> {
    let paths = Paths::new(cache);
    std::fs::create_dir_all(paths.images_dir()).with_context(|| paths.images_dir().display().to_string())?;
    let digest = ImageDigest::parse(&offer.digest)?;
    let progress = |got: u64, all: u64| say(format!("{}: {} of {} MiB", entry.slug, got >> 20, all >> 20));
    let limits = ImageLimits::default();
    let allowed = &publisher.allowed_private_hosts;
    Ok(image::download(&paths, &digest, &offer.url, limits, allowed, progress).await?.path)
}

/// The download has served its purpose afterwards.
async fn upload(client: &Client, entry: &Entry, offer: &Offer, image: &Path) -> anyhow::Result<Value> {
    let made = client.post("/media/templates", &entry.registration(offer, false)).await?;
    let id = made["data"]["id"].as_i64().context("the new template has no id")?;
    let file = tokio::fs::File::open(image).await.with_context(|| image.display().to_string())?;
    let template = client.upload(&format!("/media/templates/{id}/image"), file).await.context("uploading the image")?;
    std::fs::remove_file(image).with_context(|| image.display().to_string())?;
    Ok(template["data"].clone())
}
