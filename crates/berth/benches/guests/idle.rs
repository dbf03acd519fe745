//! What Berth costs when nothing happens, and how soon it is there.

use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::report;
use crate::support::berth::Berth;

const STARTS: usize = 10;
/// After which a process has done what it does after its start.
const SETTLE_S: u64 = 15;
const POLL_MS: u64 = 2;
const READY_GOAL_MS: f64 = 500.0;
const CONTROL_GOAL_MB: f64 = 60.0;
const AGENT_GOAL_MB: f64 = 30.0;

pub async fn measure(berth: &mut Berth) {
    let (mut control, mut agent) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        berth.control.stop().await;
        let start = Instant::now();
        berth.control.restart();
        let api = berth.api.clone();
        control.push(
            ms_until(start, async || {
                api.try_call(Method::GET, "/readyz", None).await.is_some_and(|answer| answer.status == 200)
            })
            .await,
        );
        berth.agent.stop().await;
        let start = Instant::now();
        berth.agent.restart();
        let port = berth.place.agent_port;
        agent.push(ms_until(start, async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await);
    }
    report::line("control server: start → ready", &control, "ms", Some(READY_GOAL_MS));
    report::line("agent: start → takes connections", &agent, "ms", Some(READY_GOAL_MS));
    sleep(Duration::from_secs(SETTLE_S)).await;
    report::line(
        "control server: resident memory, idle",
        &[resident_mb(berth.control.pid())],
        "MB",
        Some(CONTROL_GOAL_MB),
    );
    report::line("agent: resident memory, idle", &[resident_mb(berth.agent.pid())], "MB", Some(AGENT_GOAL_MB));
}

async fn ms_until(start: Instant, mut probe: impl AsyncFnMut() -> bool) -> f64 {
    while !probe().await {
        sleep(Duration::from_millis(POLL_MS)).await;
    }
    start.elapsed().as_secs_f64() * 1e3
}

/// `VmRSS` of proc(5), in millions of bytes.
fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kib * 1024.0 / 1e6
}
