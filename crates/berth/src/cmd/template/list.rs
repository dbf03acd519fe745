//! `berth template list`.

use clap::Args;
use serde_json::Value;

use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Package (id)
    #[arg(long)]
    package: i64,
}

const COLUMNS: [Column; 6] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("VERSION", "version"),
    column("VARIANT", "variant"),
    column("TYPE", "type"),
    column("END OF LIFE", "eol"),
];

pub async fn run(profile: &ProfileArgs, args: &ListArgs) -> anyhow::Result<()> {
    let client = Client::from_args(profile)?;
    let path = format!("/media/templates/fromServerPackageSpec/{}", args.package);
    let categories = client.list(&path, &[]).await?;
    print!("{}", Format::of(profile.json).rows(&COLUMNS, &templates(&categories)));
    Ok(())
}

/// The API groups templates by category.
fn templates(categories: &[Value]) -> Vec<Value> {
    categories.iter().filter_map(|c| c["templates"].as_array()).flatten().cloned().collect()
}
