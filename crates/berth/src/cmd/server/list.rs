//! `berth server list` and `show`.

use clap::Args;
use serde_json::Value;

use crate::client::Client;
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those of this user (id)
    #[arg(long)]
    user: Option<i64>,
    /// Only those on this hypervisor (id)
    #[arg(long)]
    hypervisor: Option<i64>,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Id, UUID or name
    server: String,
    /// Ask the node for live figures too
    #[arg(long)]
    live: bool,
}

const LIST: [Column; 7] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("OWNER", "owner"),
    column("HYPERVISOR", "hypervisorId"),
    column("COMMISSIONED", "commissioned"),
    column("SUSPENDED", "suspended"),
    column("CREATED", "created"),
];

const SHOW: [Column; 20] = [
    column("Id", "id"),
    column("UUID", "uuid"),
    column("Name", "name"),
    column("Host name", "hostname"),
    column("State", "state"),
    column("Suspended", "suspended"),
    column("Owner", "owner.email"),
    column("Hypervisor", "hypervisor.name"),
    column("CPU cores", "cpu.cores"),
    column("Memory (MiB)", "settings.resources.memory"),
    column("Disk (GiB)", "settings.resources.storage"),
    column("IPv4", "network.interfaces.0.ipv4.0.address"),
    column("IPv6 subnet", "network.interfaces.0.ipv6.0.subnet"),
    column("IPv6 prefix", "network.interfaces.0.ipv6.0.cidr"),
    column("MAC", "network.interfaces.0.mac"),
    column("System", "os.templateName"),
    column("Built", "built"),
    column("Created", "created"),
    column("Running", "remoteState.running"),
    column("CPU (%)", "remoteState.cpu"),
];

pub async fn list(client: &Client, format: Format, args: &ListArgs) -> anyhow::Result<()> {
    let (user, hypervisor) = (args.user.map(|u| u.to_string()), args.hypervisor.map(|h| h.to_string()));
    let mut query = Vec::new();
    query.extend(user.as_deref().map(|user| ("user", user)));
    query.extend(hypervisor.as_deref().map(|hypervisor| ("hypervisorId", hypervisor)));
    let rows = client.list("/servers", &query).await?;
    print!("{}", format.rows(&LIST, &rows));
    Ok(())
}

pub async fn show(client: &Client, format: Format, args: &ShowArgs) -> anyhow::Result<()> {
    let id = super::find(client, &args.server).await?;
    let live = if args.live { "true" } else { "false" };
    let server = client.get_with(&format!("/servers/{id}"), &[("remoteState", live)]).await?["data"].take();
    print!("{}", server_fields(format, &server));
    Ok(())
}

/// Also what `create` and `build` print.
pub fn server_fields(format: Format, server: &Value) -> String {
    format.fields(&SHOW, server)
}
