//! `berth server rename`, `resize`, `throttle`, `package`, `owner`, `protect`, `suspend` and `unsuspend`.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::output::Format;

#[derive(Debug, Args)]
pub struct RenameArgs {
    /// Id, UUID or name
    server: String,
    /// Up to 63 characters
    name: String,
}

#[derive(Debug, Args)]
pub struct ResizeArgs {
    /// Id, UUID or name
    server: String,
    #[arg(long, required_unless_present_any = ["cpu", "disk_gib"])]
    memory_mib: Option<u64>,
    /// CPU cores
    #[arg(long)]
    cpu: Option<u64>,
    /// Disks only grow
    #[arg(long)]
    disk_gib: Option<u64>,
    /// Which disk; a is the primary one
    #[arg(long, default_value = "a")]
    drive: String,
}

#[derive(Debug, Args)]
pub struct ThrottleArgs {
    /// Id, UUID or name
    server: String,
    /// How much of its processors' time it does not get, 0 to 99
    percent: u8,
    /// From the next start on, not now
    #[arg(long)]
    later: bool,
}

#[derive(Debug, Args)]
pub struct PackageArgs {
    /// Id, UUID or name
    server: String,
    /// The package's id
    package: i64,
}

#[derive(Debug, Args)]
pub struct OwnerArgs {
    /// Id, UUID or name
    server: String,
    /// The user's id
    user: i64,
}

#[derive(Debug, Args)]
pub struct ProtectArgs {
    /// Id, UUID or name
    server: String,
    /// No longer
    #[arg(long)]
    off: bool,
}

#[derive(Debug, Args)]
pub struct SuspendArgs {
    /// Id, UUID or name
    server: String,
}

pub async fn rename(client: &Client, format: Format, args: &RenameArgs) -> anyhow::Result<()> {
    put(client, &args.server, "modify/name", &[], &json!({ "name": args.name })).await?;
    said(format, "The server has its new name.", &Value::Null)
}

pub async fn resize(client: &Client, format: Format, args: &ResizeArgs) -> anyhow::Result<()> {
    let wanted = [
        args.memory_mib.map(|memory| ("modify/memory", json!({ "memory": memory }))),
        args.cpu.map(|cores| ("modify/cpuCores", json!({ "cores": cores }))),
        args.disk_gib.map(|size| ("modify/storage", json!({ "drive": args.drive, "size": size }))),
    ];
    for (path, body) in wanted.into_iter().flatten() {
        put(client, &args.server, path, &[], &body).await?;
    }
    let sentence = "The server follows; what waits for a start shows among its pending actions.";
    said(format, sentence, &Value::Null)
}

pub async fn throttle(client: &Client, format: Format, args: &ThrottleArgs) -> anyhow::Result<()> {
    let sync = if args.later { "false" } else { "true" };
    let body = json!({ "percent": args.percent });
    put(client, &args.server, "modify/cpuThrottle", &[("sync", sync)], &body).await?;
    let sentence = if args.later { "It is throttled from its next start on." } else { "It is being throttled." };
    said(format, sentence, &Value::Null)
}

pub async fn package(client: &Client, format: Format, args: &PackageArgs) -> anyhow::Result<()> {
    let answer = put(client, &args.server, &format!("package/{}", args.package), &[], &json!({})).await?;
    let stays = answer["info"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let lines = stays.fold("The server has its new package.".to_owned(), |lines, line| format!("{lines}\n{line}."));
    said(format, &lines, &answer)
}

pub async fn owner(client: &Client, format: Format, args: &OwnerArgs) -> anyhow::Result<()> {
    put(client, &args.server, &format!("owner/{}", args.user), &[], &json!({})).await?;
    said(format, "The server has its new owner.", &Value::Null)
}

pub async fn protect(client: &Client, format: Format, args: &ProtectArgs) -> anyhow::Result<()> {
    put(client, &args.server, "modify/protected", &[], &json!({ "protected": !args.off })).await?;
    let sentence = if args.off { "The server is no longer protected." } else { "The server is protected." };
    said(format, sentence, &Value::Null)
}

pub async fn suspend(client: &Client, format: Format, args: &SuspendArgs, suspend: bool) -> anyhow::Result<()> {
    let id = super::find(client, &args.server).await?;
    let (path, sentence) = if suspend {
        ("suspend", "The server is suspended, and is being powered off.")
    } else {
        ("unsuspend", "The server is not suspended; if it ran before, it boots.")
    };
    client.post(&format!("/servers/{id}/{path}"), &json!({})).await?;
    said(format, sentence, &Value::Null)
}

async fn put(client: &Client, server: &str, path: &str, query: &[(&str, &str)], body: &Value) -> anyhow::Result<Value> {
    let id = super::find(client, server).await?;
    Ok(client.call(Method::PUT, &format!("/servers/{id}/{path}"), query, Some(body)).await?)
}

fn said(format: Format, sentence: &str, answer: &Value) -> anyhow::Result<()> {
    print!("{}", format.done(sentence, answer));
    Ok(())
}
