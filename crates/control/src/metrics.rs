//! Figures for Prometheus, in the clear on an address of their own, where an operator wants them. Without one nothing
//! is counted.

use std::sync::OnceLock;
use std::time::Duration;

use axum::{Router, extract::State, routing::get};
use berth_store::{drift, hypervisor, job, server};
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::{Context, Error, compare, http, jobs::Kind};

/// Upper ends of the buckets of all that is timed, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// How often what was timed is put into its buckets, whether somebody asks for it or not.
const UPKEEP: Duration = Duration::from_secs(5);
const STATES: [&str; 5] = ["allocated", "queued", "building", "complete", "failed"];

/// The recorder of this process; the macros of `metrics` write to it from now on.
fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        // The only error is an empty list of buckets.
        let builder = builder.set_buckets(&BUCKETS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another part of this process counts already");
        }
        describe();
        handle
    })
}

fn describe() {
    describe_counter!("berth_http_requests_total", "Requests by method, route and status.");
    describe_histogram!("berth_http_request_seconds", "How long requests took, by method and route.");
    describe_counter!("berth_jobs_ended_total", "Jobs that this process ended, by kind and outcome.");
    describe_histogram!("berth_job_step_seconds", "How long steps of jobs took, by kind.");
    describe_gauge!("berth_jobs", "Jobs that have not ended, by kind and state.");
    describe_gauge!("berth_nodes", "Nodes, by whether their figures arrive here.");
    describe_gauge!("berth_servers", "Servers by state.");
    describe_gauge!("berth_drift", "Differences between nodes and the database, by kind.");
    describe_gauge!("berth_guests_running", "Guests that run, as their nodes last said.");
    describe_gauge!("process_resident_memory_bytes", "Memory of this process.");
}

/// Serves `/metrics`, and health in the clear beside it, until `shutdown`.
pub async fn run(ctx: Context, shutdown: CancellationToken) {
    let Some(address) = ctx.config.metrics_listen else { return };
    let listener = match tokio::net::TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%address, %error, "metrics are not served");
            return;
        }
    };
    recorder();
    let upkeep = async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            recorder().run_upkeep();
        }
    };
    let served = axum::serve(listener, router(ctx)).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::error!(%error, "metrics are not served any more");
        },
        () = upkeep => {}
        // A scrape that hangs does not hold the process.
        () = shutdown.cancelled() => {}
    }
}

/// What is served there.
pub fn router(ctx: Context) -> Router {
    Router::new().route("/metrics", get(metrics)).merge(http::health::router()).with_state(ctx)
}

async fn metrics(State(ctx): State<Context>) -> Result<String, Error> {
    let handle = recorder();
    look(&ctx).await?;
    Ok(handle.render())
}

/// What is read at the moment of a scrape.
async fn look(ctx: &Context) -> Result<(), Error> {
    let db = ctx.store.read();
    let jobs = job::unfinished_counts(db).await?;
    for kind in Kind::ALL.map(Kind::name) {
        for state in [job::QUEUED, job::RUNNING] {
            let found = jobs.iter().find(|(of, is, _)| of == kind && is == state);
            gauge!("berth_jobs", "kind" => kind, "state" => state).set(number(found.map_or(0, |(_, _, count)| *count)));
        }
    }
    let servers = server::counts(db).await?;
    for state in STATES {
        let found = servers.iter().find(|(is, _)| is == state);
        gauge!("berth_servers", "state" => state).set(number(found.map_or(0, |(_, count)| *count)));
    }
    let nodes = hypervisor::commissioned(db).await?;
    let heard = nodes.iter().filter(|node| ctx.live.hears(node.uuid)).count();
    gauge!("berth_nodes", "state" => "heard").set(count(heard));
    gauge!("berth_nodes", "state" => "away").set(count(nodes.len() - heard));
    let drifts = drift::counts(db).await?;
    for kind in compare::KINDS {
        let found = drifts.iter().find(|(is, _)| is == kind);
        gauge!("berth_drift", "kind" => kind).set(number(found.map_or(0, |(_, count)| *count)));
    }
    gauge!("berth_guests_running").set(count(ctx.live.running(ctx.now())));
    gauge!("process_resident_memory_bytes").set(number(resident_bytes()));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn number(value: i64) -> f64 {
    value as f64
}

fn count(value: usize) -> f64 {
    number(i64::try_from(value).unwrap_or(i64::MAX))
}

/// `VmRSS` of proc(5), 0 where it can't be read.
fn resident_bytes() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|digits| digits.parse::<i64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_memory() {
        assert!(super::resident_bytes() > 1 << 20);
    }
}
