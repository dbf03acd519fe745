//! `berth server power` and `delete`.

use std::io::{BufRead, IsTerminal, Write};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::client::Client;
use crate::output::Format;
use crate::progress;

const WAIT_LIMIT_S: u64 = 300;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Action {
    Boot,
    /// Ask the guest to shut down
    Shutdown,
    Restart,
    /// Cut the power
    Poweroff,
}

#[derive(Debug, Args)]
pub struct PowerArgs {
    action: Action,
    /// Id, UUID or name
    server: String,
    /// Wait until it is done
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Id, UUID or name
    server: String,
    /// Minutes until then
    #[arg(long, default_value_t = 0)]
    delay_min: u32,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub async fn power(client: &Client, format: Format, args: &PowerArgs) -> anyhow::Result<()> {
    let id = super::find(client, &args.server).await?;
    let action = args.action.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default();
    let mut answer = client.post(&format!("/servers/{id}/power/{action}"), &json!({})).await?["data"].take();
    let job_id = answer["queueId"].as_i64().unwrap_or_default();
    if args.wait {
        answer = progress::job(client, format, job_id, WAIT_LIMIT_S).await?;
        print!("{}", format.done("Done.", &answer));
    } else {
        print!("{}", format.done(&format!("Job {job_id} does it: berth job watch {job_id}"), &answer));
    }
    Ok(())
}

pub async fn delete(client: &Client, format: Format, args: &DeleteArgs) -> anyhow::Result<()> {
    let server = super::fetch(client, &args.server).await?;
    if !args.yes && !confirmed(&server)? {
        anyhow::bail!("Nothing was deleted.");
    }
    let delay_min = args.delay_min.to_string();
    client.delete(&format!("/servers/{}", server["id"]), &[("delay", &delay_min)]).await?;
    let sentence = match args.delay_min {
        0 => "The server is being deleted.".to_owned(),
        minutes => format!("The server will be deleted in {minutes} minutes."),
    };
    print!("{}", format.done(&sentence, &json!({"id": server["id"], "delay": args.delay_min})));
    Ok(())
}

/// Without a terminal nobody can answer, so that the flag is needed.
fn confirmed(server: &Value) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("Give --yes to delete without being asked.");
    }
    eprint!("Delete server {} {} with its disks? [y/N] ", server["id"], server["name"]);
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
