//! `berth job`: what the control server is doing.

use clap::{Args, Subcommand};

use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};
use crate::progress;

#[derive(Debug, Args)]
pub struct JobArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show one job with its steps
    Show { job: i64 },
    /// Watch one job until it ends
    Watch {
        job: i64,
        /// Give up watching after this many seconds; the job goes on
        #[arg(long, default_value_t = 3600)]
        limit_s: u64,
    },
}

const SHOW: [Column; 9] = [
    column("Id", "id"),
    column("Action", "action"),
    column("Server", "serverId"),
    column("Hypervisor", "hypervisorId"),
    column("Progress (%)", "progress"),
    column("Started", "started"),
    column("Finished", "finished"),
    column("Failed", "failed"),
    column("Reason", "errors.exception.message"),
];

const STEPS: [Column; 3] = [column("STEP", "type"), column("CREATED", "created"), column("UPDATED", "updated")];

pub async fn run(args: JobArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let job = match args.command {
        Command::Show { job } => client.get(&format!("/queue/{job}")).await?["data"].take(),
        Command::Watch { job, limit_s } => progress::job(&client, format, job, limit_s).await?,
    };
    print!("{}", format.fields(&SHOW, &job));
    let steps = job["primaryActions"].as_array().cloned().unwrap_or_default();
    if format == Format::Table && !steps.is_empty() {
        print!("\n{}", format.rows(&STEPS, &steps));
    }
    Ok(())
}
