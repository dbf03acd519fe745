//! The two processes below `berth up`: the control server under its own account and the agent as root. They are this
//! same program, in this process group, so that Ctrl-C reaches them.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::account::Account;
use super::places::Places;
use crate::process::WITH_PARENT;

/// The program that runs, also where the control server's account can't reach its path.
const SELF: &str = "/proc/self/exe";
const STOP_LIMIT_S: u64 = 30;
const FIRST_ADMIN_LIMIT_S: u64 = 60;

pub fn control(places: &Places, account: Account) -> anyhow::Result<Child> {
    let mut command = Command::new(SELF);
    command.args(["control", "--config"]).arg(&places.control_config);
    command.uid(account.uid).gid(account.gid);
    start(command, "the control server")
}

pub fn agent(places: &Places) -> anyhow::Result<Child> {
    let mut command = Command::new(SELF);
    command.args(["agent", "run", "--config"]).arg(&places.agent_config);
    start(command, "the agent")
}

/// The service manager's folders and the caller's secrets are none of the children's business.
fn start(mut command: Command, what: &str) -> anyhow::Result<Child> {
    command.arg0("berth").current_dir("/").env(WITH_PARENT, "1").kill_on_drop(true);
    for name in ["BERTH_TOKEN", "BERTH_URL"] {
        command.env_remove(name);
    }
    command.spawn().with_context(|| format!("starting {what}"))
}

/// Makes the administrator and the first token as the control server's account, before it serves. `None` where there
/// is an administrator.
pub async fn first_admin(places: &Places, account: Account, email: &str) -> anyhow::Result<Option<FirstAdmin>> {
    let mut command = Command::new(SELF);
    command.args(["control", "--config"]).arg(&places.control_config).args(["first-admin", "--email", email]);
    command.uid(account.uid).gid(account.gid).arg0("berth").current_dir("/").kill_on_drop(true);
    let output = timeout(Duration::from_secs(FIRST_ADMIN_LIMIT_S), command.output()).await;
    let output = output.context("the database took too long to be set up")??;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "setting up the control server failed: {}", text.trim());
    serde_json::from_slice(&output.stdout).context("the answer of `berth control first-admin`")
}

/// What the first start shows once.
#[derive(serde::Deserialize)]
pub struct FirstAdmin {
    pub email: String,
    pub password: String,
    pub token: String,
}

/// Joins the cluster by the subcommand that every node uses.
pub async fn enrol(config: &Path, url: &str, token: &str, address: &str) -> anyhow::Result<()> {
    let mut command = Command::new(SELF);
    command.args(["agent", "enrol", "--config"]).arg(config).args(["--control", url, "--address", address]);
    // Not as an argument, which every user of the machine could read.
    let output = command.arg0("berth").env("BERTH_ENROLMENT_TOKEN", token).kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "this machine could not be enrolled: {}", text.trim());
    Ok(())
}

/// Ends when one of them does, which neither should.
pub async fn first_end(control: &mut Child, agent: &mut Child) -> anyhow::Result<()> {
    let (what, status) = tokio::select! {
        status = control.wait() => ("control server", status?),
        status = agent.wait() => ("agent", status?),
    };
    bail!("the {what} ended by itself ({})", told(status))
}

fn told(status: ExitStatus) -> String {
    status.code().map_or_else(|| "by a signal".to_owned(), |code| format!("exit code {code}"))
}

/// Asks both to end, and waits; a terminal's Ctrl-C has asked them already.
pub async fn stop(children: Vec<Child>) {
    for child in &children {
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended in this moment.
            kill_process(pid, Signal::TERM).ok();
        }
    }
    for mut child in children {
        if timeout(Duration::from_secs(STOP_LIMIT_S), child.wait()).await.is_err() {
            child.kill().await.ok();
        }
    }
}
