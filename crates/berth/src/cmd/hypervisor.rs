//! `berth hypervisor`: nodes, what they may give out, and the tokens with which new ones are enrolled.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::change::{confirm, field, fields};
use super::hypervisor_storage::{self, StorageCommand};
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};
use crate::progress;

#[derive(Debug, Args)]
pub struct HypervisorArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List hypervisors
    List,
    /// Show one hypervisor
    Show { id: i64 },
    /// Test whether guests boot on a hypervisor, on each kind of storage, behind filters and on its bridges
    Selftest { id: i64 },
    /// Show where a hypervisor and the database differ
    Drift { id: i64 },
    /// Make a token that enrols one new hypervisor, and the command that does so when it is pasted there
    Token {
        /// Group (id) that the new hypervisor joins
        #[arg(long)]
        group: i64,
        /// The new hypervisor's name
        #[arg(long)]
        name: Option<String>,
        /// Where the new node reaches the control server, https://host[:port]; by default where this command reaches it
        #[arg(long)]
        control_url: Option<String>,
    },
    /// Change what is named
    Update(Box<UpdateArgs>),
    /// Take no new servers for a while, or again
    Maintenance { id: i64, state: Switch },
    /// Forget a hypervisor that has no servers
    Remove {
        id: i64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Where it keeps disks
    Storage {
        #[command(subcommand)]
        command: StorageCommand,
    },
    /// Show its figures over time
    Metrics {
        id: i64,
        /// How far back, up to 40320; beyond a day in averages
        #[arg(long, default_value_t = 60)]
        minutes: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Args)]
struct UpdateArgs {
    id: i64,
    #[arg(long)]
    name: Option<String>,
    /// Group (id) that it moves to, with its servers
    #[arg(long)]
    group: Option<i64>,
    #[arg(long)]
    enabled: Option<bool>,
    /// Whether it takes no new servers
    #[arg(long)]
    prohibit: Option<bool>,
    /// 0 is unlimited, as with the three below
    #[arg(long)]
    max_servers: Option<i64>,
    #[arg(long)]
    max_cpu: Option<i64>,
    #[arg(long)]
    max_memory_mib: Option<i64>,
    #[arg(long)]
    max_storage_gib: Option<i64>,
    /// How much of its cores may be given out; 100 is no over-commit
    #[arg(long)]
    cpu_overcommit_percent: Option<i64>,
    #[arg(long)]
    memory_overcommit_percent: Option<i64>,
    #[arg(long)]
    storage_overcommit_percent: Option<i64>,
    /// Of new disks: inherit, qcow2 or raw
    #[arg(long)]
    disk_type: Option<String>,
    /// Of disks that name none: inherit, none, writethrough, writeback, directsync or unsafe
    #[arg(long)]
    disk_cache_type: Option<String>,
}

const COLUMNS: [Column; 8] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("ADDRESS", "ip"),
    column("PORT", "port"),
    column("GROUP", "group.name"),
    column("ENABLED", "enabled"),
    column("MAINTENANCE", "maintenance"),
    column("CREATED", "created"),
];

const SELFTEST_LIMIT_S: u64 = 1_800;

const CHECKS: [Column; 4] =
    [column("CHECK", "name"), column("PASSED", "passed"), column("MS", "tookMs"), column("FOUND", "detail")];

const DIFFERENCES: [Column; 5] = [
    column("KIND", "kind"),
    column("SUBJECT", "subject"),
    column("SERVER", "serverId"),
    column("SINCE", "since"),
    column("WHAT TO DO", "detail"),
];

const FIELDS: [Column; 21] = [
    column("Id", "id"),
    column("Name", "name"),
    column("Address", "ip"),
    column("Port", "port"),
    column("Host name", "hostname"),
    column("Group", "group.name"),
    column("Enabled", "enabled"),
    column("Maintenance", "maintenance"),
    column("Servers at most", "maxServers"),
    column("CPU cores", "maxCpu"),
    column("Memory (MiB)", "maxMemory"),
    column("Storage (GiB)", "maxStorage"),
    column("CPU over-commit (%)", "cpuOvercommitPercent"),
    column("Memory over-commit (%)", "memoryOvercommitPercent"),
    column("Storage over-commit (%)", "storageOvercommitPercent"),
    column("Disk type", "diskType"),
    column("Disk cache", "diskCacheType"),
    column("Bridge", "networks.0.bridge"),
    column("Self-test passed", "selftest.passed"),
    column("Self-test at", "selftest.at"),
    column("Created", "created"),
];

const METRICS: [Column; 7] = [
    column("AT", "at"),
    column("CPU (%)", "cpu"),
    column("LOAD", "load"),
    column("MEMORY (MiB)", "memory.used"),
    column("DISK (bytes)", "filesystem.used"),
    column("IN (bytes/s)", "network.in"),
    column("OUT (bytes/s)", "network.out"),
];

const TOKEN: [Column; 2] = [column("Token", "token"), column("Expires", "expires")];

/// Waits for the test's end; a test that did not pass ends with status 1.
async fn selftest(client: &Client, format: Format, id: i64) -> anyhow::Result<()> {
    let queued = client.post(&format!("/compute/hypervisors/{id}/selftest"), &json!({})).await?;
    let job = queued["data"]["queueId"].as_i64().unwrap_or_default();
    progress::job(client, format, job, SELFTEST_LIMIT_S).await?;
    let found = client.get(&format!("/compute/hypervisors/{id}")).await?["data"]["selftest"].take();
    let checks = found["checks"].as_array().cloned().unwrap_or_default();
    print!("{}", if format == Format::Json { format.fields(&[], &found) } else { format.rows(&CHECKS, &checks) });
    anyhow::ensure!(found["passed"] == true, "The hypervisor did not pass its self-test.");
    Ok(())
}

async fn drift(client: &Client, format: Format, id: i64) -> anyhow::Result<String> {
    let answer = client.get_with(&format!("/compute/hypervisors/{id}/drift"), &[("results", "200")]).await?;
    let found = &answer["data"];
    let rows = found["differences"].as_array().cloned().unwrap_or_default();
    if format == Format::Json {
        return Ok(format.fields(&[], found));
    }
    let mut printed = if rows.is_empty() { String::new() } else { format.rows(&DIFFERENCES, &rows) };
    let compared = found["compared"].as_str().map_or("never".to_owned(), str::to_owned);
    printed.push_str(&format!("{} differences; compared: {compared}.\n", found["total"]));
    if let Some(error) = found["error"].as_str() {
        printed.push_str(&format!("The newest comparison did not come to its end: {error}\n"));
    }
    Ok(printed)
}

/// The command alone on its lines, so that it can be copied whole.
fn printed_token(format: Format, made: &Value) -> String {
    if format == Format::Json {
        return format.fields(&TOKEN, made);
    }
    let command = made["command"].as_str().unwrap_or_default();
    let mut printed = format.fields(&TOKEN, made);
    printed.push_str(&format!("\nOn the new node, as root:\n\n{command}\n"));
    if ["//127.", "//localhost", "//[::1]"].iter().any(|here| command.contains(here)) {
        printed.push_str(
            "\nIt names an address that only this machine knows: --control-url says where the node finds it.\n",
        );
    }
    printed
}

pub async fn run(args: HypervisorArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let printed = match args.command {
        Command::List => format.rows(&COLUMNS, &client.list("/compute/hypervisors", &[]).await?),
        Command::Show { id } => {
            format.fields(&FIELDS, &client.get(&format!("/compute/hypervisors/{id}")).await?["data"])
        }
        Command::Selftest { id } => return selftest(&client, format, id).await,
        Command::Drift { id } => drift(&client, format, id).await?,
        Command::Token { group, name, control_url } => {
            let body = json!({"groupId": group, "name": name, "controlUrl": control_url});
            let made = client.post("/compute/hypervisors/enrolmentTokens", &body).await?["data"].take();
            printed_token(format, &made)
        }
        Command::Update(args) => {
            let path = format!("/compute/hypervisors/{}", args.id);
            format.fields(&FIELDS, &client.put(&path, &changes(*args)?).await?["data"])
        }
        Command::Maintenance { id, state } => {
            let body = json!({"maintenance": state == Switch::On});
            format.fields(&FIELDS, &client.put(&format!("/compute/hypervisors/{id}"), &body).await?["data"])
        }
        Command::Remove { id, yes } => {
            confirm(&format!("hypervisor {id}"), yes)?;
            client.remove(&format!("/compute/hypervisors/{id}")).await?;
            format.done("The hypervisor is removed. On it, `berth uninstall` takes what is left.", &json!({"id": id}))
        }
        Command::Storage { command } => hypervisor_storage::run(&client, format, command).await?,
        Command::Metrics { id, minutes } => {
            let minutes = minutes.to_string();
            let path = format!("/compute/hypervisors/{id}/metrics");
            let answer = client.get_with(&path, &[("minutes", &minutes)]).await?;
            format.rows(&METRICS, answer["data"]["points"].as_array().map_or(&[][..], Vec::as_slice))
        }
    };
    print!("{printed}");
    Ok(())
}

fn changes(args: UpdateArgs) -> anyhow::Result<serde_json::Value> {
    let UpdateArgs {
        id: _,
        name,
        group,
        enabled,
        prohibit,
        max_servers,
        max_cpu,
        max_memory_mib,
        max_storage_gib,
        cpu_overcommit_percent,
        memory_overcommit_percent,
        storage_overcommit_percent,
        disk_type,
        disk_cache_type,
    } = args;
    fields([
        field("name", name),
        field("groupId", group),
        field("enabled", enabled),
        field("prohibit", prohibit),
        field("maxServers", max_servers),
        field("maxCpu", max_cpu),
        field("maxMemory", max_memory_mib),
        field("maxStorage", max_storage_gib),
        field("cpuOvercommitPercent", cpu_overcommit_percent),
        field("memoryOvercommitPercent", memory_overcommit_percent),
        field("storageOvercommitPercent", storage_overcommit_percent),
        field("diskType", disk_type),
        field("diskCacheType", disk_cache_type),
    ])
}
