//! Programs that a test runs: commands with a time limit, and servers that it starts, kills and starts again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

const STOP_LIMIT_S: u64 = 15;
const LOG_TAIL_LINES: usize = 40;

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Outcome {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command; one that is not done within its limit is ended, and did not succeed. Panics where it can't be started.
pub async fn run(program: &str, args: &[&str], limit_s: u64) -> Outcome {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = timeout(Duration::from_secs(limit_s), command.output()).await else {
        return Outcome { ok: false, stdout: String::new(), stderr: format!("not within {limit_s} s") };
    };
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}"));
    Outcome {
        ok: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// As [`run`], and the command must succeed; its standard output.
pub async fn must(program: &str, args: &[&str], limit_s: u64) -> String {
    let outcome = run(program, args, limit_s).await;
    assert!(outcome.ok, "{program} {args:?}: {}{}", outcome.stdout, outcome.stderr);
    outcome.stdout
}

/// One long-running `berth` process with its log in a file.
pub struct Daemon {
    args: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Daemon {
    pub fn start(args: &[&str], log: &Path) -> Self {
        let mut daemon =
            Self { args: args.iter().map(|a| (*a).to_owned()).collect(), log: log.to_owned(), child: None };
        daemon.restart();
        daemon
    }

    pub fn restart(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).expect("the log can be written");
        let child = Command::new(env!("CARGO_BIN_EXE_berth"))
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log can be shared"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("berth starts");
        self.child = Some(child);
    }

    #[allow(dead_code, reason = "benchmarks look at the process")]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// `kill -9`, as a crash of the machine or the kernel's memory killer would.
    pub async fn crash(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("it can be killed");
        }
    }

    /// As Ctrl-C does. Panics where it does not end in time.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(pid) = child.id() {
            run("kill", &["-INT", &pid.to_string()], 5).await;
        }
        let ended = timeout(Duration::from_secs(STOP_LIMIT_S), child.wait()).await;
        assert!(ended.is_ok(), "{:?} did not end within {STOP_LIMIT_S} s of SIGINT", self.args);
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// The end of its log, for a failed test's message.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
