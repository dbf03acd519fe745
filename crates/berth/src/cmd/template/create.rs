//! `berth template create`: makes a template of an image of one's own.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args};

use super::{
    super::change::{field, fields},
    COLUMNS_OF_ONE,
};
use crate::client::{Client, ProfileArgs};
use crate::output::Format;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("image").args(["image_url", "file"]).required(true)))]
pub struct CreateArgs {
    /// 1 to 64 of a-z, 0-9, dots and hyphens; no other template has it
    #[arg(long)]
    slug: String,
    #[arg(long)]
    name: String,
    #[arg(long)]
    version: String,
    #[arg(long)]
    variant: Option<String>,
    #[arg(long)]
    description: Option<String>,
    /// Name of the category, made where it is missing; by default the template's name
    #[arg(long)]
    category: Option<String>,
    /// Name of an icon
    #[arg(long)]
    icon: Option<String>,
    /// 1 x86_64, 2 aarch64
    #[arg(long)]
    arch: Option<i32>,
    /// linux, windows or unix; by default linux
    #[arg(long = "type")]
    os_type: Option<String>,
    /// Guests start by UEFI
    #[arg(long)]
    uefi: bool,
    /// Where nodes fetch the image
    #[arg(long, requires = "image_digest")]
    image_url: Option<String>,
    /// sha256:<hex> or sha512:<hex> of what the URL has
    #[arg(long, requires = "image_url")]
    image_digest: Option<String>,
    /// Bytes of the disk that the URL's image claims
    #[arg(long, requires = "image_url")]
    image_virtual_bytes: Option<i64>,
    /// A qcow2 file, which is uploaded
    #[arg(long)]
    file: Option<PathBuf>,
}

pub async fn run(profile: &ProfileArgs, args: CreateArgs) -> anyhow::Result<()> {
    let client = Client::from_args(profile)?;
    let CreateArgs {
        slug,
        name,
        version,
        variant,
        description,
        category,
        icon,
        arch,
        os_type,
        uefi,
        image_url,
        image_digest,
        image_virtual_bytes,
        file,
    } = args;
    // The API would answer the one that is there, and the upload would replace its image.
    let known = client.list("/media/templates", &[]).await?;
    anyhow::ensure!(known.iter().all(|row| row["slug"] != slug.as_str()), "There is a template '{slug}' already.");
    // Opened first: a file that is not there leaves no template without an image.
    let upload = match &file {
        Some(path) => Some(tokio::fs::File::open(path).await.with_context(|| path.display().to_string())?),
        None => None,
    };
    let order = fields([
        field("slug", Some(slug)),
        field("name", Some(name)),
        field("version", Some(version)),
        field("variant", variant),
        field("description", description),
        field("category", category),
        field("icon", icon),
        field("arch", arch),
        field("type", os_type),
        field("uefi", Some(uefi)),
        field("imageUrl", image_url),
        field("imageDigest", image_digest),
        field("imageVirtualBytes", image_virtual_bytes),
    ])?;
    let mut made = client.post("/media/templates", &order).await?["data"].take();
    if let Some(upload) = upload {
        let path = format!("/media/templates/{}/image", made["id"]);
        made = client.upload(&path, upload).await.context("uploading the image")?["data"].take();
    }
    print!("{}", Format::of(profile.json).fields(&COLUMNS_OF_ONE, &made));
    Ok(())
}
