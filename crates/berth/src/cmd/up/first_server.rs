//! The first server: bought and built through the Global API, as a shop would do it, until a login by SSH works.

use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use berth_agent::cmd::Cmd;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::places::{Memory, Places};
use super::setup::id_of;
use super::tested;
use crate::client::Client;
use crate::output::{Format, at};
use crate::progress;

/// Under emulation on a busy machine.
const BUILD_LIMIT_S: u64 = 900;
const LOGIN_LIMIT_S: u64 = 180;
const LOGIN_PAUSE_MS: u64 = 500;
const NAME: &str = "first";

/// What the server is made of.
pub struct Goods {
    pub group: i64,
    /// This machine, the only one of the group.
    pub hypervisor: i64,
    pub package: i64,
    pub template: i64,
}

/// The `ssh` line that works; `None` where the server was there once and somebody deleted it.
pub async fn ensure(
    client: &Client,
    places: &Places,
    memory: &mut Memory,
    goods: &Goods,
) -> anyhow::Result<Option<String>> {
    let built = memory.get("first server built").is_some();
    let id = match memory.get("first server") {
        Some(id) => id,
        None => create(client, places, memory, goods).await?,
    };
    let server = match client.get(&format!("/servers/{id}")).await {
        Ok(answer) => answer["data"].clone(),
        Err(error) if error.status() == Some(404) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let server = if built { server } else { build(client, places, memory, id, &server, goods).await? };
    let address =
        at(&server, "network.interfaces.0.ipv4.0.address").as_str().context("the first server has no address")?;
    if !built {
        wait_for_login(places, address).await?;
        memory.set("first server built", 1)?;
    }
    Ok(Some(format!("ssh {} root@{address}", options(places).join(" "))))
}

async fn create(client: &Client, places: &Places, memory: &mut Memory, goods: &Goods) -> anyhow::Result<i64> {
    let user = match memory.get("first customer") {
        Some(id) => id,
        None => {
            let body = json!({
                "name": "First customer", "email": "first@localhost.localdomain",
                "relStr": "berth-first-customer", "sendMail": false,
            });
            let id = id_of(&client.post("/users", &body).await.context("making the first customer")?);
            let id = id.context("the new customer has no id")?;
            memory.set("first customer", id)?;
            id
        }
    };
    ensure_key_pair(&places.ssh_key).await?;
    if memory.get("SSH key").is_none() {
        let public = places.ssh_key.with_extension("pub");
        let public = std::fs::read_to_string(&public).with_context(|| public.display().to_string())?;
        let body = json!({"userId": user, "name": NAME, "publicKey": public.trim()});
        let key = id_of(&client.post("/ssh_keys", &body).await.context("storing the SSH key")?);
        memory.set("SSH key", key.context("the new SSH key has no id")?)?;
    }
    tested::wait(client, goods.hypervisor).await?;
    let body = json!({"packageId": goods.package, "userId": user, "hypervisorId": goods.group, "ipv4": 1});
    let made = client.post("/servers", &body).await.context("creating the first server")?;
    let id = id_of(&made).context("the new server has no id")?;
    memory.set("first server", id)?;
    Ok(id)
}

async fn build(
    client: &Client,
    places: &Places,
    memory: &Memory,
    id: i64,
    server: &Value,
    goods: &Goods,
) -> anyhow::Result<Value> {
    // A start that was cut short may have left a build that runs, or that is done already.
    if !matches!(server["state"].as_str(), Some("complete" | "building" | "queued")) {
        // A host key of an older server at this address would refuse the login.
        std::fs::remove_file(&places.known_hosts).ok();
        let keys: Vec<i64> = memory.get("SSH key").into_iter().collect();
        let body = json!({
            "operatingSystemId": goods.template, "name": NAME, "hostname": NAME, "sshKeys": keys, "ipv6": true,
            "vnc": true, "email": false,
        });
        client.post(&format!("/servers/{id}/build"), &body).await.context("building the first server")?;
    }
    println!("Building the first server through the API.");
    Ok(progress::build(client, Format::Table, id, BUILD_LIMIT_S).await?)
}

async fn ensure_key_pair(file: &Path) -> anyhow::Result<()> {
    if file.exists() {
        return Ok(());
    }
    let dir = file.parent().context("the key has a folder")?;
    super::account::ensure_passable_dir(dir)?;
    let made =
        Cmd::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "berth first server", "-f"]).arg(file);
    made.run().await?;
    // Whoever typed `sudo` is who logs in; ssh refuses a key that others own.
    let caller = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let (Some(uid), Some(gid)) = (caller("SUDO_UID"), caller("SUDO_GID")) {
        chown(file, Some(uid), Some(gid)).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

fn options(places: &Places) -> Vec<String> {
    vec![
        "-i".to_owned(),
        places.ssh_key.display().to_string(),
        "-o".to_owned(),
        format!("UserKnownHostsFile={}", places.known_hosts.display()),
        "-o".to_owned(),
        "StrictHostKeyChecking=accept-new".to_owned(),
    ]
}

async fn wait_for_login(places: &Places, address: &str) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(LOGIN_LIMIT_S);
    let spinner = progress::spinner(false);
    spinner.set_message(format!("waiting for a login on {address}"));
    loop {
        let quiet = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR"];
        let login = Cmd::new("ssh").args(options(places)).args(quiet).arg(format!("root@{address}")).arg("true");
        let Err(error) = login.run().await else {
            spinner.finish_and_clear();
            return Ok(());
        };
        if Instant::now() >= until {
            bail!("the first server is built, but a login by SSH did not work within {LOGIN_LIMIT_S} s: {error}");
        }
        sleep(Duration::from_millis(LOGIN_PAUSE_MS)).await;
    }
}
