//! `/metrics` for Prometheus, `/healthz` and `/readyz`, in the clear, where the node's owner wants them.

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{agent::Agent, libvirt::State as Power, observe};

pub async fn run(agent: Arc<Agent>, shutdown: CancellationToken) {
    let Some(address) = agent.config.metrics_listen else { return };
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%address, %error, "metrics are not served");
            return;
        }
    };
    serve(agent, listener, shutdown).await;
}

async fn serve(agent: Arc<Agent>, listener: TcpListener, shutdown: CancellationToken) {
    let doors =
        Router::new().route("/metrics", get(metrics)).route("/healthz", get(health)).route("/readyz", get(ready));
    let doors = doors.with_state(agent);
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

/// Ready is an agent that can keep what it is told and do it: its ledger takes files and its libvirt answers.
async fn ready(State(agent): State<Arc<Agent>>) -> (StatusCode, String) {
    if let Err(error) = agent.ledger.check() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"));
    }
    match health(State(agent)).await {
        (StatusCode::OK, _) => (StatusCode::OK, "ready\n".to_owned()),
        away => away,
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

#[cfg(test)]
mod tests {
    use berth_proto::ServerSpec;

    use super::*;
    use crate::testing::{Place, UUID};

    /// Where it listens when `metrics_listen` says port 0.
    async fn served(place: &Place) -> String {
        let listener = TcpListener::bind(place.agent.config.metrics_listen.unwrap()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(Arc::clone(&place.agent), listener, CancellationToken::new()));
        url
    }

    async fn get(url: &str, path: &str) -> (u16, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let answer = reqwest::get(format!("{url}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn figures_tell_of_the_nodes_servers_and_an_agent_in_order_is_well_and_ready() {
        let place = Place::new("test:///default");
        let url = served(&place).await;
        let spec = ServerSpec { server_uuid: UUID.into(), cluster_epoch: 1, generation: 1, ..ServerSpec::default() };
        place.agent.ledger.change(UUID, |entry| entry.take_spec(&spec)).unwrap();
        place.agent.set_status(UUID, |status| status.error = "The disk is full.".to_owned());
        let (status, text) = get(&url, "/metrics").await;
        assert_eq!(status, 200);
        for line in ["servers 1", "servers_running 0", "servers_behind 1", "servers_failing 1"] {
            let line = format!("berth_agent_{line}\n");
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
        let resident = text.lines().find_map(|line| line.strip_prefix("berth_agent_resident_memory_bytes "));
        assert!(resident.unwrap().parse::<usize>().unwrap() > 1 << 20, "{text}");
        assert_eq!(get(&url, "/healthz").await, (200, "ok\n".to_owned()));
        assert_eq!(get(&url, "/readyz").await, (200, "ready\n".to_owned()));
        assert_eq!(get(&url, "/other").await.0, 404);
    }

    #[tokio::test]
    async fn without_libvirt_it_is_neither_well_nor_ready() {
        let place = Place::new("test:///nowhere/host.xml");
        let url = served(&place).await;
        for path in ["/healthz", "/readyz"] {
            let (status, why) = get(&url, path).await;
            assert!(status == 503 && why.contains("libvirt"), "{path}: {status} {why}");
        }
        assert_eq!(get(&url, "/metrics").await.0, 200, "figures are told all the same");
    }

    #[tokio::test]
    async fn t27_without_a_ledger_it_is_not_ready_and_well_all_the_same() {
        let place = Place::new("test:///default");
        let url = served(&place).await;
        std::fs::remove_dir_all(place.agent.paths.ledger_dir()).unwrap();
        let (status, why) = get(&url, "/readyz").await;
        assert!(status == 503 && why.contains("ledger"), "{status} {why}");
        assert_eq!(get(&url, "/healthz").await.0, 200);
    }
}
