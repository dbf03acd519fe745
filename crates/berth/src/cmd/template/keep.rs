//! `berth template show`, `update` and `remove`: for those who keep templates.

use clap::Args;
use serde_json::json;

use super::super::change::{confirm, field, fields, nullable};
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct UpdateArgs {
    id: i64,
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    version: Option<String>,
    /// An empty one is taken away
    #[arg(long)]
    variant: Option<String>,
    #[arg(long)]
    description: Option<String>,
    /// Category (id)
    #[arg(long)]
    category: Option<i64>,
    /// Name of an icon
    #[arg(long)]
    icon: Option<String>,
    /// Whether it is offered
    #[arg(long)]
    enabled: Option<bool>,
    /// Whether new builds start by UEFI
    #[arg(long)]
    uefi: Option<bool>,
    /// 1 x86_64, 2 aarch64
    #[arg(long)]
    arch: Option<i32>,
    /// Whether its life has ended
    #[arg(long)]
    eol: Option<bool>,
    /// The day on which it ends, YYYY-MM-DD; an empty one is taken away
    #[arg(long)]
    eol_date: Option<String>,
    #[arg(long)]
    eol_warning: Option<bool>,
    /// Packages (ids, separated by commas) that it is kept for
    #[arg(long, value_delimiter = ',', conflicts_with = "all_packages")]
    packages: Option<Vec<i64>>,
    /// Offer it to all packages
    #[arg(long)]
    all_packages: bool,
    /// Where nodes fetch the image of new builds
    #[arg(long, requires = "image_digest")]
    image_url: Option<String>,
    /// sha256:<hex> or sha512:<hex> of it
    #[arg(long, requires = "image_url")]
    image_digest: Option<String>,
}

#[derive(Debug, Args)]
pub struct RemoveArgs {
    id: i64,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

const FIELDS: [Column; 17] = [
    column("Id", "id"),
    column("Slug", "slug"),
    column("Name", "name"),
    column("Version", "version"),
    column("Variant", "variant"),
    column("Description", "description"),
    column("Category", "categoryId"),
    column("Icon", "icon"),
    column("Type", "type"),
    column("Architecture", "arch"),
    column("UEFI", "uefi"),
    column("Enabled", "enabled"),
    column("End of life", "eol"),
    column("On", "eolDate"),
    column("Packages", "packageIds"),
    column("Image", "imageDigest"),
    column("From", "imageUrl"),
];

pub async fn show(profile: &ProfileArgs, id: i64) -> anyhow::Result<()> {
    let client = Client::from_args(profile)?;
    let answer = client.get(&format!("/media/templates/{id}")).await?;
    print!("{}", Format::of(profile.json).fields(&FIELDS, &answer["data"]));
    Ok(())
}

pub async fn update(profile: &ProfileArgs, args: UpdateArgs) -> anyhow::Result<()> {
    let client = Client::from_args(profile)?;
    let UpdateArgs {
        id,
        name,
        version,
        variant,
        description,
        category,
        icon,
        enabled,
        uefi,
        arch,
        eol,
        eol_date,
        eol_warning,
        packages,
        all_packages,
        image_url,
        image_digest,
    } = args;
    let packages = if all_packages { Some(Vec::new()) } else { packages };
    let body = fields([
        field("name", name),
        field("version", version),
        nullable("variant", variant),
        field("description", description),
        field("categoryId", category),
        field("icon", icon),
        field("enabled", enabled),
        field("uefi", uefi),
        field("arch", arch),
        field("eol", eol),
        nullable("eolDate", eol_date),
        field("eolWarning", eol_warning),
        field("packageIds", packages),
        field("imageUrl", image_url),
        field("imageDigest", image_digest),
    ])?;
    let answer = client.put(&format!("/media/templates/{id}"), &body).await?;
    print!("{}", Format::of(profile.json).fields(&FIELDS, &answer["data"]));
    Ok(())
}

pub async fn remove(profile: &ProfileArgs, args: &RemoveArgs) -> anyhow::Result<()> {
    let client = Client::from_args(profile)?;
    confirm(&format!("template {}", args.id), args.yes)?;
    client.remove(&format!("/media/templates/{}", args.id)).await?;
    print!("{}", Format::of(profile.json).done("The template is removed.", &json!({ "id": args.id })));
    Ok(())
}
