//! `berth template`: operating systems that servers can be built from.

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct TemplateArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the templates that a package may be built from
    List {
        /// Package (id)
        #[arg(long)]
        package: i64,
    },
}

const COLUMNS: [Column; 6] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("VERSION", "version"),
    column("VARIANT", "variant"),
    column("TYPE", "type"),
    column("END OF LIFE", "eol"),
];

pub async fn run(args: TemplateArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let Command::List { package } = args.command;
    let path = format!("/media/templates/fromServerPackageSpec/{package}");
    let categories = client.list(&path, &[]).await?;
    print!("{}", Format::of(args.profile.json).rows(&COLUMNS, &templates(&categories)));
    Ok(())
}

/// The API groups templates by category.
fn templates(categories: &[Value]) -> Vec<Value> {
    categories.iter().filter_map(|c| c["templates"].as_array()).flatten().cloned().collect()
}
