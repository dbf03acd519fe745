//! `berth group`: groups of hypervisors, among which a new server is placed.

use clap::{Args, Subcommand};
use serde_json::json;

use super::change::{confirm, field, fields, nullable};
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct GroupArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List hypervisor groups
    List,
    /// Create a group
    Create {
        #[arg(long)]
        name: String,
        #[arg(long)]
        label: Option<String>,
        #[arg(long)]
        description: Option<String>,
        /// 1 fewest servers, 2 most memory, 3 most cores, 4 most storage, 5 balanced, 11 fill by memory, 12 fill by
        /// servers, 13 in order
        #[arg(long, default_value_t = 5)]
        distribution_type: i32,
        /// Take no new servers yet
        #[arg(long)]
        disabled: bool,
        /// Make it the group of orders that name none
        #[arg(long)]
        default: bool,
    },
    /// Change what is named
    Update {
        id: i64,
        #[arg(long)]
        name: Option<String>,
        /// An empty one is taken away, as with the two below
        #[arg(long)]
        label: Option<String>,
        #[arg(long)]
        description: Option<String>,
        /// Name of an icon
        #[arg(long)]
        icon: Option<String>,
        /// 1 fewest servers, 2 most memory, 3 most cores, 4 most storage, 5 balanced, 11 fill by memory, 12 fill by
        /// servers, 13 in order
        #[arg(long)]
        distribution_type: Option<i32>,
        #[arg(long)]
        enabled: Option<bool>,
        #[arg(long)]
        default: Option<bool>,
    },
    /// Remove a group that has no hypervisors
    Remove {
        id: i64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Count how many more servers of a package fit
    Fits {
        id: i64,
        #[arg(long)]
        package: i64,
        /// IPv4 addresses of each
        #[arg(long, default_value_t = 1)]
        ipv4: u32,
        /// Template (id) that they will be built from
        #[arg(long)]
        template: Option<i64>,
    },
}

const COLUMNS: [Column; 5] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("DESCRIPTION", "description"),
    column("ENABLED", "enabled"),
    column("DEFAULT", "default"),
];

const FITS: [Column; 4] =
    [column("ID", "id"), column("NAME", "name"), column("FITS", "fits"), column("THEN", "reasons")];

pub async fn run(args: GroupArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let path = |id: i64| format!("/compute/hypervisors/groups/{id}");
    let printed = match args.command {
        Command::List => format.rows(&COLUMNS, &client.list("/compute/hypervisors/groups", &[]).await?),
        Command::Create { name, label, description, distribution_type, disabled, default } => {
            let body = json!({
                "name": name,
                "label": label,
                "description": description,
                "distributionType": distribution_type,
                "enabled": !disabled,
                "default": default,
            });
            format.fields(&COLUMNS, &client.post("/compute/hypervisors/groups", &body).await?["data"])
        }
        Command::Update { id, name, label, description, icon, distribution_type, enabled, default } => {
            let body = fields([
                field("name", name),
                nullable("label", label),
                nullable("description", description),
                nullable("icon", icon),
                field("distributionType", distribution_type),
                field("enabled", enabled),
                field("default", default),
            ])?;
            format.fields(&COLUMNS, &client.put(&path(id), &body).await?["data"])
        }
        Command::Remove { id, yes } => {
            confirm(&format!("hypervisor group {id}"), yes)?;
            client.remove(&path(id)).await?;
            format.done("The group is removed.", &json!({"id": id}))
        }
        Command::Fits { id, package, ipv4, template } => {
            let (package, ipv4, template) =
                (package.to_string(), ipv4.to_string(), template.map(|template| template.to_string()));
            let mut query = vec![("packageId", package.as_str()), ("ipv4", ipv4.as_str())];
            query.extend(template.as_deref().map(|template| ("templateId", template)));
            let answer = client.get_with(&format!("{}/fits", path(id)), &query).await?["data"].take();
            fits(format, &answer)
        }
    };
    print!("{printed}");
    Ok(())
}

fn fits(format: Format, answer: &serde_json::Value) -> String {
    if format == Format::Json {
        return format.fields(&[], answer);
    }
    let nodes = answer["hypervisors"].as_array().map_or(&[][..], Vec::as_slice);
    let least = if answer["more"] == true { "at least " } else { "" };
    let reasons = answer["reasons"].as_array().map_or(&[][..], Vec::as_slice);
    let reasons: String = reasons.iter().filter_map(|reason| Some(format!("{}\n", reason.as_str()?))).collect();
    format!("{}{reasons}Fits: {least}{}\n", format.rows(&FITS, nodes), answer["fits"])
}
