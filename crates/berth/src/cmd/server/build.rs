//! `berth server build`.

use clap::Args;
use serde_json::json;

use super::list::server_fields;
use crate::client::Client;
use crate::output::Format;
use crate::progress;

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Id, UUID or name
    server: String,
    /// Template (id); `berth template list` tells them, with `--package` those that fit
    #[arg(long)]
    template: i64,
    /// Name of the server in lists
    #[arg(long)]
    name: Option<String>,
    /// Host name inside the guest
    #[arg(long)]
    hostname: Option<String>,
    /// SSH key (id); give it again for more
    #[arg(long = "ssh-key")]
    ssh_keys: Vec<i64>,
    /// Give the guest its IPv6 subnet too
    #[arg(long)]
    ipv6: bool,
    /// Allow the VNC console
    #[arg(long)]
    vnc: bool,
    /// Swap in MiB
    #[arg(long)]
    swap_mib: Option<u64>,
    /// Wait until the guest is up
    #[arg(long)]
    wait: bool,
    /// Give up waiting after this many seconds; the build goes on
    #[arg(long, default_value_t = 900)]
    wait_limit_s: u64,
}

pub async fn build(client: &Client, format: Format, args: &BuildArgs) -> anyhow::Result<()> {
    let id = super::find(client, &args.server).await?;
    let mut body = json!({
        "operatingSystemId": args.template,
        "sshKeys": args.ssh_keys,
        "ipv6": args.ipv6,
        "vnc": args.vnc,
        "email": false,
    });
    let optional = [
        ("name", args.name.clone().map(Into::into)),
        ("hostname", args.hostname.clone().map(Into::into)),
        ("swap", args.swap_mib.map(Into::into)),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            body[key] = value;
        }
    }
    let accepted = client.post(&format!("/servers/{id}/build"), &body).await?["data"].take();
    let mut server = accepted.clone();
    if args.wait {
        server = progress::build(client, format, id, args.wait_limit_s).await?;
        server["settings"]["decryptedPassword"] = accepted["settings"]["decryptedPassword"].clone();
    }
    print!("{}", server_fields(format, &server));
    if format == Format::Table {
        let password = accepted["settings"]["decryptedPassword"].as_str().unwrap_or_default();
        println!("Password of root: {password}");
    }
    Ok(())
}
