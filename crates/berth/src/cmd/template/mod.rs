//! `berth template`: operating systems that servers can be built from.

mod add;
mod build;
mod catalogue;
mod category;
mod create;
mod icon;
mod keep;
mod list;

pub use build::register;

use clap::{Args, Subcommand};

use crate::client::ProfileArgs;
use crate::output::{Column, column};

#[derive(Debug, Args)]
pub struct TemplateArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List templates
    List(list::ListArgs),
    /// Show one template
    Show { id: i64 },
    /// Change what is named; servers that were built keep what they have
    Update(Box<keep::UpdateArgs>),
    /// Remove a template that no server is built from
    Remove(keep::RemoveArgs),
    /// How templates are shown together
    Category {
        #[command(subcommand)]
        command: category::Command,
    },
    /// Pictures that templates, categories and groups show
    Icon {
        #[command(subcommand)]
        command: icon::Command,
    },
    /// Build an image from a recipe on this machine
    Build(build::BuildArgs),
    /// Make a template of an image of one's own, from a URL or from a file of this machine
    Create(Box<create::CreateArgs>),
    /// List the cloud images of distributions that `add` knows
    Catalogue,
    /// Make a template of a cloud image of the catalogue
    Add(add::AddArgs),
}

/// A template for those who keep them, line by line.
const COLUMNS_OF_ONE: [Column; 6] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("VERSION", "version"),
    column("VARIANT", "variant"),
    column("IMAGE", "imageUrl"),
    column("CHECKSUM", "imageDigest"),
];

pub async fn run(args: TemplateArgs) -> anyhow::Result<()> {
    match args.command {
        Command::List(list) => list::run(&args.profile, &list).await,
        Command::Show { id } => keep::show(&args.profile, id).await,
        Command::Update(update) => keep::update(&args.profile, *update).await,
        Command::Remove(remove) => keep::remove(&args.profile, &remove).await,
        Command::Category { command } => category::run(&args.profile, command).await,
        Command::Icon { command } => icon::run(&args.profile, command).await,
        Command::Build(build) => build::run(&args.profile, &build).await,
        Command::Create(create) => create::run(&args.profile, *create).await,
        Command::Catalogue => catalogue::run(&args.profile),
        Command::Add(add) => add::run(&args.profile, &add).await,
    }
}
