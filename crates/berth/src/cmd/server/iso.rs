//! `berth server iso`: the disc in a server's drive.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::Client;
use crate::output::Format;
use crate::progress;

/// The node may have to fetch the disc first.
const WAIT_LIMIT_S: u64 = 3 * 3_600;

#[derive(Debug, Args)]
pub struct ServerIsoArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put an ISO image into the drive, at once where the server runs
    Mount {
        /// Id, UUID or name
        server: String,
        /// Id of the library, or an https URL that ends in .iso
        iso: String,
        /// Wait until it is done
        #[arg(long)]
        wait: bool,
    },
    /// Take the disc out
    Eject {
        /// Id, UUID or name
        server: String,
        /// Wait until it is done
        #[arg(long)]
        wait: bool,
    },
}

pub async fn iso(client: &Client, format: Format, args: &ServerIsoArgs) -> anyhow::Result<()> {
    let (mut whole, wait) = match &args.command {
        Command::Mount { server, iso, wait } => {
            let id = super::find(client, server).await?;
            let order = match iso.parse::<i64>() {
                Ok(id) => json!({ "isoId": id }),
                Err(_) => json!({ "url": iso }),
            };
            (client.post(&format!("/servers/{id}/media/iso"), &order).await?, *wait)
        }
        Command::Eject { server, wait } => {
            let id = super::find(client, server).await?;
            (client.delete(&format!("/servers/{id}/media/iso"), &[]).await?, *wait)
        }
    };
    let mut answer = whole["data"].take();
    let job_id = answer["queueId"].as_i64().unwrap_or_default();
    if wait {
        answer = progress::job(client, format, job_id, WAIT_LIMIT_S).await?;
        print!("{}", format.done("Done.", &answer));
    } else {
        print!("{}", format.done(&format!("Job {job_id} does it: berth job watch {job_id}"), &answer));
    }
    Ok(())
}
