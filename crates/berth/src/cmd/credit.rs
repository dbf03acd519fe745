//! `berth credit`: what customers of self service have paid in advance.

use clap::{Args, Subcommand};
use serde_json::json;

use super::user::Relation;
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct CreditArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a user's credit and what was added to it
    Show(Relation),
    /// Add credit to a user; below zero takes some away
    Add {
        #[command(flatten)]
        user: Relation,
        /// Tokens, with at most six decimals
        #[arg(long, allow_hyphen_values = true)]
        tokens: String,
        /// A number of yours, such as an invoice's
        #[arg(long)]
        number: Option<i64>,
        /// A text of yours
        #[arg(long)]
        note: Option<String>,
    },
    /// Take credit back that was added
    Cancel { id: i64 },
    /// Print a month as CSV: balances, payments, usage
    Statement {
        #[command(flatten)]
        user: Relation,
        /// YYYY-MM; this month without
        #[arg(long)]
        month: Option<String>,
    },
}

const FIELDS: [Column; 5] = [
    column("User", "userId"),
    column("Self service", "selfService"),
    column("Tokens", "tokens"),
    column("Out of credit since", "outSince"),
    column("Suspended", "suspended"),
];

const CREDITS: [Column; 6] = [
    column("ID", "id"),
    column("TOKENS", "tokens"),
    column("NUMBER", "reference_1"),
    column("NOTE", "reference_2"),
    column("CREATED", "created"),
    column("CANCELLED", "cancelled"),
];

pub async fn run(args: CreditArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let printed = match args.command {
        Command::Show(user) => {
            let credit = client.get_with(&of_user("credit", &user), &user.query()).await?["data"].take();
            let mut printed = format.fields(&FIELDS, &credit);
            let credits = credit["credits"].as_array().cloned().unwrap_or_default();
            if format == Format::Table && !credits.is_empty() {
                printed.push('\n');
                printed.push_str(&format.rows(&CREDITS, &credits));
            }
            printed
        }
        Command::Add { user, tokens, number, note } => {
            let body = json!({ "tokens": tokens, "reference_1": number, "reference_2": note });
            let path = of_user("credit", &user);
            let answer = client.call(reqwest::Method::POST, &path, &user.query(), Some(&body)).await?;
            let done = format!("The credit {} is booked.", answer["data"]["id"]);
            format.done(&done, &answer["data"])
        }
        Command::Cancel { id } => {
            let answer = client.delete(&format!("/selfService/credit/{id}"), &[]).await?;
            format.done("The credit is taken back.", &answer)
        }
        Command::Statement { user, month } => {
            let [relation] = user.query();
            let mut query = vec![relation];
            query.extend(month.as_deref().map(|month| ("month", month)));
            let text = client.get_with(&of_user("statement", &user), &query).await?;
            text.as_str().unwrap_or_default().to_owned()
        }
    };
    print!("{printed}");
    Ok(())
}

fn of_user(what: &str, user: &Relation) -> String {
    format!("/selfService/{what}/byUserExtRelationId/{}", user.segment())
}
