//! Counts and times what the control server asks of this node, for `/metrics`.

use std::{
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::Instant,
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tonic::codegen::http;
use tower::Service;

/// Upper ends of the buckets, in seconds. A disk may take a while.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];
/// The service's methods; what is asked for under another name is counted as one.
const METHODS: [&str; 17] = [
    "Hello",
    "Apply",
    "Evict",
    "Observe",
    "Do",
    "EnsureImage",
    "PutImage",
    "Watch",
    "Acknowledge",
    "Stats",
    "Console",
    "Selftest",
    "Validate",
    "PruneIsos",
    "SetNetworks",
    "ConfirmNetworks",
    "RegenerateFilters",
];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// From now on it is counted. Without a call of this nothing is.
pub fn start() {
    HANDLE.get_or_init(|| {
        // The only error is an empty list of buckets.
        let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS).unwrap_or_default().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another part of this process counts already");
        }
        metrics::describe_counter!(
            "berth_agent_requests_total",
            "Requests of the control server, by method and outcome."
        );
        metrics::describe_histogram!("berth_agent_request_seconds", "How long they took to be answered, by method.");
        handle
    });
}

pub fn render() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

#[derive(Clone, Copy, Debug)]
pub struct Layer;

impl<S> tower::Layer<S> for Layer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed(inner)
    }
}

#[derive(Clone, Debug)]
pub struct Observed<S>(S);

impl<S, In, Out> Service<http::Request<In>> for Observed<S>
where
    S: Service<http::Request<In>, Response = http::Response<Out>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<In>) -> Self::Future {
        let method = method(request.uri().path());
        let begun = Instant::now();
        let answered = self.0.call(request);
        Box::pin(async move {
            let answer = answered.await?;
            metrics::histogram!("berth_agent_request_seconds", "method" => method)
                .record(begun.elapsed().as_secs_f64());
            metrics::counter!("berth_agent_requests_total", "method" => method, "outcome" => outcome(&answer))
                .increment(1);
            Ok(answer)
        })
    }
}

/// The last part of `/berth.node.v1.Node/Apply`.
fn method(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or_default();
    METHODS.into_iter().find(|known| *known == name).unwrap_or("other")
}

/// A refusal comes with its status in the head of the answer (gRPC over HTTP/2, "Trailers-Only").
fn outcome<B>(answer: &http::Response<B>) -> &'static str {
    let refused = answer.headers().get("grpc-status").is_some_and(|status| status.as_bytes() != b"0");
    if refused || !answer.status().is_success() { "refused" } else { "answered" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_counted_by_method_and_outcome() {
        start();
        let node = tower::service_fn(|request: http::Request<()>| async move {
            let answer = http::Response::builder();
            let answer = match request.uri().path() {
                "/berth.node.v1.Node/Evict" => answer.header("grpc-status", "9"),
                _ => answer,
            };
            answer.body(())
        });
        let mut observed = tower::Layer::layer(&Layer, node);
        for name in ["Apply", "Apply", "Evict", "Nonsense", "Other"] {
            let request = http::Request::builder().uri(format!("/berth.node.v1.Node/{name}")).body(()).unwrap();
            observed.call(request).await.unwrap();
        }
        let text = render();
        for line in [
            "berth_agent_requests_total{method=\"Apply\",outcome=\"answered\"} 2",
            "berth_agent_requests_total{method=\"Evict\",outcome=\"refused\"} 1",
            "berth_agent_requests_total{method=\"other\",outcome=\"answered\"} 2",
            "berth_agent_request_seconds_count{method=\"Apply\"} 2",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    /// The names stand in the contract between control and agent.
    #[test]
    fn every_method_of_the_service_has_its_name_here() {
        let contract = include_str!("../../proto/proto/berth/node/v1/node.proto");
        let mut named: Vec<&str> =
            contract.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next()).collect();
        let mut known = METHODS.to_vec();
        named.sort_unstable();
        known.sort_unstable();
        assert_eq!(named, known);
    }
}
