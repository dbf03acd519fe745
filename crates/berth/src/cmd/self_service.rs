//! `berth selfservice`: what customers may create by themselves, and what it costs.

use clap::{Args, Subcommand};
use serde_json::json;

use super::change::{field, fields};
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct SelfServiceArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the settings
    Settings,
    /// Change what is named
    Set(SetArgs),
    /// List currencies
    Currencies,
    /// Show or set what a package costs a month, billed by the hour
    Price {
        package: i64,
        /// Tokens a month; holds from the next hour
        tokens: Option<String>,
    },
    /// List group profiles: where and what may be created
    Profiles {
        /// Those of resource packs instead of those by the hour
        #[arg(long)]
        resource: bool,
    },
    /// List resource packs
    Packs {
        /// Those that bound hourly servers
        #[arg(long)]
        hourly: bool,
    },
}

#[derive(Debug, Args)]
struct SetArgs {
    /// 1: a month is 730 hours; 2: as many as it has
    #[arg(long)]
    month_to_hour_rate_type: Option<i64>,
    /// Hours without credit until servers are suspended
    #[arg(long)]
    suspend_after_hours: Option<i64>,
    /// Hours without credit until servers are deleted; 0 is never
    #[arg(long)]
    delete_after_hours: Option<i64>,
    /// Credit at which a notice is given; again for more
    #[arg(long)]
    low_credit: Vec<String>,
}

const SETTINGS: [Column; 10] = [
    column("Month as hours (1: 730, 2: its own)", "monthToHourRateType"),
    column("Tax (1: in prices, 2: on top, 3: not shown)", "taxStatus"),
    column("Tax (%)", "taxPercent"),
    column("Notices at", "lowCredit"),
    column("Suspend after (h)", "suspendAfterHours"),
    column("Delete after (h)", "deleteAfterHours"),
    column("IPv4 address a month", "addons.ipv4"),
    column("GiB of storage a month", "addons.storage"),
    column("GiB of memory a month", "addons.memory"),
    column("Core a month", "addons.cpu"),
];

const CURRENCIES: [Column; 7] = [
    column("ID", "id"),
    column("CODE", "code"),
    column("A TOKEN IS", "value"),
    column("PREFIX", "prefix"),
    column("SUFFIX", "suffix"),
    column("DEFAULT", "default"),
    column("ENABLED", "enabled"),
];

const PROFILES: [Column; 7] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("ENABLED", "enabled"),
    column("MAX SERVERS", "maxServers"),
    column("GROUPS", "hypervisorGroups"),
    column("PACKAGES", "packages"),
    column("TEMPLATES", "templates"),
];

const PACKS: [Column; 8] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("ENABLED", "enabled"),
    column("SERVERS", "limits.total_servers"),
    column("MEMORY (MiB)", "limits.total_memory"),
    column("STORAGE (GiB)", "limits.total_storage"),
    column("CPU", "limits.total_cpu"),
    column("TRAFFIC (GB)", "limits.total_traffic"),
];

const PRICE: [Column; 1] = [column("Tokens a month", "tokens")];

pub async fn run(args: SelfServiceArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let printed = match args.command {
        Command::Settings => format.fields(&SETTINGS, &client.get("/selfService/settings").await?["data"]),
        Command::Set(args) => {
            let body = changes(args)?;
            format.fields(&SETTINGS, &client.put("/selfService/settings", &body).await?["data"])
        }
        Command::Currencies => {
            let all = client.get("/selfService/currencies").await?["data"].take();
            format.rows(&CURRENCIES, &all.as_array().cloned().unwrap_or_default())
        }
        Command::Price { package, tokens } => {
            let path = format!("/packages/{package}/price");
            if let Some(tokens) = tokens {
                client.put(&path, &json!({ "tokens": tokens })).await?;
            }
            format.fields(&PRICE, &client.get(&path).await?["data"])
        }
        Command::Profiles { resource } => {
            let kind = if resource { "resource" } else { "hourly" };
            format.rows(&PROFILES, &client.list(&format!("/selfService/{kind}GroupProfiles"), &[]).await?)
        }
        Command::Packs { hourly } => {
            let noun = if hourly { "hourlyResourcePacks" } else { "resourcePacks" };
            format.rows(&PACKS, &client.list(&format!("/selfService/{noun}"), &[]).await?)
        }
    };
    print!("{printed}");
    Ok(())
}

fn changes(args: SetArgs) -> anyhow::Result<serde_json::Value> {
    let SetArgs { month_to_hour_rate_type, suspend_after_hours, delete_after_hours, low_credit } = args;
    fields([
        field("monthToHourRateType", month_to_hour_rate_type),
        field("suspendAfterHours", suspend_after_hours),
        field("deleteAfterHours", delete_after_hours),
        field("lowCredit", Some(low_credit).filter(|thresholds| !thresholds.is_empty())),
    ])
}
