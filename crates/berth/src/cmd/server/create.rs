//! `berth server create`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::list::server_fields;
use crate::client::Client;
use crate::output::Format;

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Package (id)
    #[arg(long)]
    package: i64,
    /// Owner (user id)
    #[arg(long)]
    user: i64,
    /// Hypervisor group (id)
    #[arg(long)]
    group: i64,
    /// IPv4 addresses
    #[arg(long, default_value_t = 1)]
    ipv4: u32,
    /// Memory in MiB in place of the package's
    #[arg(long)]
    memory_mib: Option<u64>,
    /// CPU cores in place of the package's
    #[arg(long)]
    cpu_cores: Option<u32>,
    /// Disk in GiB in place of the package's
    #[arg(long)]
    storage_gib: Option<u64>,
    /// Only tell whether it could be created
    #[arg(long)]
    dry_run: bool,
}

impl CreateArgs {
    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("packageId".into(), json!(self.package));
        body.insert("userId".into(), json!(self.user));
        // The API calls the group so.
        body.insert("hypervisorId".into(), json!(self.group));
        body.insert("ipv4".into(), json!(self.ipv4));
        let overrides = [
            ("memory", self.memory_mib.map(Value::from)),
            ("cpuCores", self.cpu_cores.map(Value::from)),
            ("storage", self.storage_gib.map(Value::from)),
        ];
        for (key, value) in overrides {
            body.extend(value.map(|value| (key.to_owned(), value)));
        }
        Value::Object(body)
    }
}

pub async fn create(client: &Client, format: Format, args: &CreateArgs) -> anyhow::Result<()> {
    if args.dry_run {
        let query = [("dryRun", "true")];
        let answer = client.call(reqwest::Method::POST, "/servers", &query, Some(&args.body())).await?;
        print!("{}", format.done("This server could be created.", &answer));
        return Ok(());
    }
    let server = client.post("/servers", &args.body()).await?["data"].take();
    print!("{}", server_fields(format, &server));
    Ok(())
}
