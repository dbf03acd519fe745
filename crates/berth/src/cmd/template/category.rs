//! `berth template category`: how templates are shown together.

use clap::Subcommand;
use serde_json::json;

use super::super::change::{confirm, field, fields};
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List categories, in the order in which they are shown
    List,
    /// Create a category
    Create {
        #[arg(long)]
        name: String,
        #[arg(long, default_value = "")]
        description: String,
        /// Low ones are shown first
        #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
        position: i32,
    },
    /// Change what is named
    Update {
        id: i64,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        description: Option<String>,
        /// Name of an icon
        #[arg(long)]
        icon: Option<String>,
        #[arg(long, allow_negative_numbers = true)]
        position: Option<i32>,
    },
    /// Remove a category that has no templates
    Remove {
        id: i64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const PATH: &str = "/media/templates/categories";
const COLUMNS: [Column; 5] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("DESCRIPTION", "description"),
    column("ICON", "icon"),
    column("POSITION", "position"),
];

pub async fn run(profile: &ProfileArgs, command: Command) -> anyhow::Result<()> {
    let client = Client::from_args(profile)?;
    let format = Format::of(profile.json);
    let printed = match command {
        Command::List => format.rows(&COLUMNS, &client.list(PATH, &[]).await?),
        Command::Create { name, description, position } => {
            let body = json!({ "name": name, "description": description, "position": position });
            format.fields(&COLUMNS, &client.post(PATH, &body).await?["data"])
        }
        Command::Update { id, name, description, icon, position } => {
            let body = fields([
                field("name", name),
                field("description", description),
                field("icon", icon),
                field("position", position),
            ])?;
            format.fields(&COLUMNS, &client.put(&format!("{PATH}/{id}"), &body).await?["data"])
        }
        Command::Remove { id, yes } => {
            confirm(&format!("template category {id}"), yes)?;
            client.remove(&format!("{PATH}/{id}")).await?;
            format.done("The category is removed.", &json!({ "id": id }))
        }
    };
    print!("{printed}");
    Ok(())
}
