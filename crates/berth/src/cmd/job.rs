//! `berth job`: what the control server is doing.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, ClientError, ProfileArgs};
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
    /// List jobs, newest first
    List(ListArgs),
    /// Call a job off: at once, or after the step that it is at
    Cancel { job: i64 },
    /// Take up a job that failed or was cancelled
    Retry {
        job: i64,
        /// Watch the new job until it ends
        #[arg(long)]
        wait: bool,
    },
    /// Show one job with its steps
    Show { job: i64 },
    /// Watch one job until it ends
    Watch {
        job: i64,
        /// Give up watching after this many seconds; the job goes on
        #[arg(long, default_value_t = WATCH_LIMIT_S)]
        limit_s: u64,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only of this server (id)
    #[arg(long)]
    server: Option<i64>,
    /// Only of this hypervisor (id)
    #[arg(long)]
    hypervisor: Option<i64>,
    /// queued, running, done, failed or cancelled
    #[arg(long)]
    state: Option<String>,
    /// Only this kind of work, e.g. build
    #[arg(long)]
    kind: Option<String>,
    /// Only this action, e.g. build_server
    #[arg(long)]
    action: Option<String>,
    /// Only what was queued from this time on, e.g. 2025-01-20T14:00:47Z
    #[arg(long)]
    since: Option<String>,
    /// At most this many, 1 to 200
    #[arg(long, default_value_t = 20)]
    limit: u8,
}

const WATCH_LIMIT_S: u64 = 3_600;

const LIST: [Column; 8] = [
    column("ID", "id"),
    column("ACTION", "action"),
    column("SERVER", "serverId"),
    column("HYPERVISOR", "hypervisorId"),
    column("STATE", "queue"),
    column("PROGRESS", "progress"),
    column("STEP", "step"),
    column("CREATED", "created"),
];

const SHOW: [Column; 11] = [
    column("Id", "id"),
    column("Action", "action"),
    column("Server", "serverId"),
    column("Hypervisor", "hypervisorId"),
    column("State", "queue"),
    column("Step", "step"),
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
        Command::List(filter) => {
            let jobs = list(&client, filter).await?;
            print!("{}", format.rows(&LIST, &jobs));
            return Ok(());
        }
        Command::Cancel { job } => client.post(&format!("/queue/{job}/cancel"), &json!({})).await?["data"].take(),
        Command::Retry { job, wait } => {
            let queued = client.post(&format!("/queue/{job}/retry"), &json!({})).await?["data"].take();
            let id = queued["queueId"].as_i64().unwrap_or_default();
            if !wait {
                print!("{}", format.done(&format!("Job {job} is taken up as job {id}."), &queued));
                return Ok(());
            }
            progress::job(&client, format, id, WATCH_LIMIT_S).await?
        }
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

async fn list(client: &Client, filter: ListArgs) -> Result<Vec<Value>, ClientError> {
    let ListArgs { server, hypervisor, state, kind, action, since, limit } = filter;
    let given = [
        ("serverId", server.map(|id| id.to_string())),
        ("hypervisorId", hypervisor.map(|id| id.to_string())),
        ("state", state),
        ("kind", kind),
        ("action", action),
        ("since", since),
        ("results", Some(limit.to_string())),
    ];
    let query: Vec<_> = given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    Ok(client.get_with("/queue", &query).await?["data"].as_array().cloned().unwrap_or_default())
}
