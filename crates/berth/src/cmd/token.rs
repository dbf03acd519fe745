//! `berth token`: tokens of the API.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List tokens, without their secrets
    List,
    /// Create a token; its secret is shown once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// Days until it expires; never without
        #[arg(long)]
        expires_days: Option<u32>,
        /// Only from this address or network; give it again for more
        #[arg(long = "allow")]
        allowed: Vec<String>,
        /// Id of the user whose token it is to be, one of the staff; one's own without
        #[arg(long)]
        user: Option<i64>,
    },
    /// Revoke a token at once
    Revoke { id: i64 },
}

const COLUMNS: [Column; 7] = [
    column("ID", "id"),
    column("USER", "userId"),
    column("NAME", "name"),
    column("EXPIRES", "expires"),
    column("ALLOWED FROM", "allowedAddresses"),
    column("LAST USED", "lastUsed"),
    column("CREATED", "created"),
];

const FIELDS: [Column; 5] = [
    column("Id", "id"),
    column("Name", "name"),
    column("Expires", "expires"),
    column("Allowed from", "allowedAddresses"),
    column("Token", "token"),
];

pub async fn run(args: TokenArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let printed = match args.command {
        Command::List => format.rows(&COLUMNS, &client.list("/tokens", &[]).await?),
        Command::Create { name, expires_days, allowed, user } => {
            let body =
                json!({"name": name, "expiresInDays": expires_days, "allowedAddresses": allowed, "userId": user});
            format.fields(&FIELDS, &client.post("/tokens", &body).await?["data"])
        }
        Command::Revoke { id } => {
            let answer = client.delete(&format!("/tokens/{id}"), &[]).await?;
            format.done("The token is revoked.", &answer)
        }
    };
    print!("{printed}");
    Ok(())
}
