//! `berth iso`: discs for servers' drives.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::change::{field, fields, nullable};
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct IsoArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the library
    List,
    /// Add an ISO image to the library, from a URL or from a file of this machine
    Add(AddArgs),
    /// Change what is named
    Update(UpdateArgs),
    /// Delete an ISO image that no server has mounted
    Delete {
        /// Id
        iso: i64,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("image").args(["image_url", "file"]).required(true)))]
struct AddArgs {
    name: String,
    /// Where nodes fetch it: https, and ends in .iso
    #[arg(long)]
    image_url: Option<String>,
    /// Is uploaded
    #[arg(long)]
    file: Option<PathBuf>,
    /// Of what the URL has, sha256:<hex>
    #[arg(long, requires = "image_url")]
    digest: Option<String>,
    /// 1 x86_64, 2 aarch64
    #[arg(long, default_value_t = 1)]
    arch: i32,
}

#[derive(Debug, Args)]
struct UpdateArgs {
    /// Id
    iso: i64,
    #[arg(long)]
    name: Option<String>,
    /// An empty one is taken away
    #[arg(long)]
    description: Option<String>,
    /// Whether it can be mounted
    #[arg(long)]
    enabled: Option<bool>,
    /// Whether the servers of every owner may have it
    #[arg(long)]
    global: Option<bool>,
    /// Owners (ids, separated by commas) whose servers may have it where it is not global
    #[arg(long, value_delimiter = ',')]
    users: Option<Vec<i64>>,
}

const COLUMNS: [Column; 6] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("FILE", "filename"),
    column("BYTES", "size"),
    column("ENABLED", "enabled"),
    column("URL", "url"),
];

pub async fn run(args: IsoArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    match args.command {
        Command::List => {
            let rows = client.list("/media/iso", &[]).await?;
            print!("{}", format.rows(&COLUMNS, &rows));
        }
        Command::Add(args) => add(&client, format, args).await?,
        Command::Update(args) => {
            let UpdateArgs { iso, name, description, enabled, global, users } = args;
            let body = fields([
                field("name", name),
                nullable("description", description),
                field("enabled", enabled),
                field("global", global),
                field("users", users),
            ])?;
            let answer = client.put(&format!("/media/iso/{iso}"), &body).await?;
            print!("{}", format.fields(&COLUMNS, &answer["data"]));
        }
        Command::Delete { iso } => {
            client.delete(&format!("/media/iso/{iso}"), &[]).await?;
            print!("{}", format.done("The ISO image is deleted.", &json!({ "id": iso })));
        }
    }
    Ok(())
}

async fn add(client: &Client, format: Format, args: AddArgs) -> anyhow::Result<()> {
    let AddArgs { name, image_url, file, digest, arch } = args;
    // Opened first: a file that is not there leaves no ISO image without one.
    let upload = match &file {
        Some(path) => Some(tokio::fs::File::open(path).await.with_context(|| path.display().to_string())?),
        None => None,
    };
    let filename = file.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let order = json!({ "name": name, "url": image_url, "filename": filename, "digest": digest, "arch": arch });
    let mut made = client.post("/media/iso", &order).await?["data"].take();
    if let Some(upload) = upload {
        let uploaded = client.upload(&format!("/media/iso/{}/file", made["id"]), upload).await;
        made = uploaded.context("uploading the file")?["data"].take();
    }
    print!("{}", format.done(&format!("ISO image {} is in the library.", made["id"]), &made));
    Ok(())
}
