//! `berth template icon`: pictures that templates, categories and groups show.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;

use super::super::change::confirm;
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List icons
    List,
    /// Upload a PNG, JPEG, GIF or WebP picture; prints the name that it gets
    Upload { file: PathBuf },
    /// Remove an icon that nothing shows
    Remove {
        id: i64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const PATH: &str = "/media/icons";
const COLUMNS: [Column; 4] =
    [column("ID", "id"), column("NAME", "name"), column("PATH", "path"), column("CREATED", "created")];

pub async fn run(profile: &ProfileArgs, command: Command) -> anyhow::Result<()> {
    let client = Client::from_args(profile)?;
    let format = Format::of(profile.json);
    let printed = match command {
        Command::List => format.rows(&COLUMNS, &client.list(PATH, &[]).await?),
        Command::Upload { file } => {
            let picture = tokio::fs::File::open(&file).await.with_context(|| file.display().to_string())?;
            format.fields(&COLUMNS, &client.upload_new(PATH, picture).await?["data"])
        }
        Command::Remove { id, yes } => {
            confirm(&format!("icon {id}"), yes)?;
            client.remove(&format!("{PATH}/{id}")).await?;
            format.done("The icon is removed.", &json!({ "id": id }))
        }
    };
    print!("{printed}");
    Ok(())
}
