//! `berth template`: operating systems that servers can be built from.

mod build;
mod list;

pub use build::register;

use clap::{Args, Subcommand};

use crate::client::ProfileArgs;

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
    List(list::ListArgs),
    /// Build an image from a recipe on this machine
    Build(build::BuildArgs),
}

pub async fn run(args: TemplateArgs) -> anyhow::Result<()> {
    match args.command {
        Command::List(list) => list::run(&args.profile, &list).await,
        Command::Build(build) => build::run(&args.profile, &build).await,
    }
}
