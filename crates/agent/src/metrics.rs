//! `/metrics` for Prometheus and `/healthz`, in the clear, where the node's owner wants them.

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio_util::sync::CancellationToken;

use crate::{agent::Agent, libvirt::State as Power, observe};

pub async fn run(agent: Arc<Agent>, shutdown: CancellationToken) {
    let Some(address) = agent.config.metrics_listen else { return };
    let listener = match tokio::net::TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%address, %error, "metrics are not served");
            return;
        }
    };
    let doors = Router::new().route("/metrics", get(metrics)).route("/healthz", get(health)).with_state(agent);
    observe::start();
    let served = axum::serve(listener, doors).with_graceful_shutdown(shutdown.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "metrics are not served any more");
    }
}

/// Healthy is an agent whose libvirt answers.
async fn health(State(agent): State<Arc<Agent>>) -> (StatusCode, String) {
    match agent.libvirt.version().await {
        Ok(_) => (StatusCode::OK, "ok\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// `VmRSS` of proc(5), 0 where it can't be read.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|digits| digits.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}

async fn metrics(State(agent): State<Arc<Agent>>) -> String {
    let entries = agent.ledger.all();
    let servers: Vec<_> = entries.iter().filter(|entry| entry.tombstone.is_none()).collect();
    let mut running = 0;
    for entry in &servers {
        if agent.libvirt.state(&agent.domain(&entry.server_uuid)).await.is_ok_and(|state| state == Power::Running) {
            running += 1;
        }
    }
    let behind = servers.iter().filter(|entry| entry.applied_generation < entry.generation).count();
    let failing = servers.iter().filter(|entry| !agent.status(&entry.server_uuid).error.is_empty()).count();
    let gauge = |name: &str, help: &str, value: usize| {
        format!("# HELP berth_agent_{name} {help}\n# TYPE berth_agent_{name} gauge\nberth_agent_{name} {value}\n")
    };
    let resident = gauge("resident_memory_bytes", "Memory of the agent.", resident_bytes());
    [
        observe::render(),
        resident,
        gauge("servers", "Servers that the node was given.", servers.len()),
        gauge("servers_running", "Servers whose guest runs.", running),
        gauge("servers_behind", "Servers that do not match their newest specification yet.", behind),
        gauge("servers_failing", "Servers whose last reconciliation failed.", failing),
    ]
    .concat()
}
