//! `berth template list`.

use clap::Args;
use serde_json::Value;

use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those that servers of this package (id) may be built from
    #[arg(long)]
    package: Option<i64>,
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
    let templates = match args.package {
        Some(package) => {
            let path = format!("/media/templates/fromServerPackageSpec/{package}");
            of_categories(&client.list(&path, &[]).await?)
        }
        None => client.list("/media/templates", &[]).await?,
    };
    print!("{}", Format::of(profile.json).rows(&COLUMNS, &templates));
    Ok(())
}

/// The API groups a package's templates by category.
fn of_categories(categories: &[Value]) -> Vec<Value> {
    categories.iter().filter_map(|c| c["templates"].as_array()).flatten().cloned().collect()
}
