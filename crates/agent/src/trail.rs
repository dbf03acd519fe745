//! What the control server says a call belongs to, around all that is logged below it: a job is followed from its queue
//! into the node's log by its number.

use std::task::{Context, Poll};

use berth_proto as proto;
use tonic::codegen::http;
use tower::Service;
use tracing::{Instrument, Span, instrument::Instrumented};

#[derive(Clone, Copy, Debug)]
pub struct Layer;

impl<S> tower::Layer<S> for Layer {
    type Service = Followed<S>;

    fn layer(&self, inner: S) -> Followed<S> {
        Followed(inner)
    }
}

#[derive(Clone, Debug)]
pub struct Followed<S>(S);

impl<S, In> Service<http::Request<In>> for Followed<S>
where
    S: Service<http::Request<In>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<In>) -> Self::Future {
        let span = span(request.uri().path(), request.headers());
        let inside = span.clone();
        inside.in_scope(|| self.0.call(request)).instrument(span)
    }
}

fn span(path: &str, headers: &http::HeaderMap) -> Span {
    let said = |key: &str| headers.get(key).and_then(|said| said.to_str().ok()).filter(|said| is_sound(said));
    let (request, job, server_id) = (said(proto::REQUEST_KEY), said(proto::JOB_KEY), said(proto::SERVER_KEY));
    let method = path.rsplit('/').next().unwrap_or_default();
    tracing::info_span!("asked", method, request, job, server_id)
}

/// Nothing that could pass for another line or field of the log.
fn is_sound(said: &str) -> bool {
    let sound = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    (1..=proto::TRAIL_CHARACTERS).contains(&said.len()) && said.bytes().all(sound)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use berth_proto::{ApplyRequest, Fence, ServerSpec, node_client::NodeClient, node_server::NodeServer};
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::{Request, transport::Server};

    use super::*;
    use crate::{
        service::Service as Doors,
        testing::{Place, UUID},
    };

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        /// The lines that say so.
        fn lines(&self, message: &str) -> Vec<serde_json::Value> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            lines.filter(|line| line["fields"]["message"] == message).collect()
        }
    }

    /// The agent's own service: what it logs of a call, and of the work that the call caused, has the call's ids.
    #[tokio::test]
    async fn a_job_is_found_in_the_nodes_log_by_its_number() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let place = Place::new("test:///default");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let doors = NodeServer::new(Doors { agent: Arc::clone(&place.agent) });
        let served = Server::builder().layer(Layer).add_service(doors);
        tokio::spawn(served.serve_with_incoming(TcpListenerStream::new(listener)));
        let mut client = NodeClient::connect(url).await.unwrap();
        let apply = |generation| {
            let spec = ServerSpec { server_uuid: UUID.into(), cluster_epoch: 1, generation, ..ServerSpec::default() };
            Request::new(ApplyRequest { fence: Some(Fence { lease_token: 1, ..Fence::default() }), spec: Some(spec) })
        };
        let mut request = apply(1);
        for (key, id) in [(proto::REQUEST_KEY, "order-1"), (proto::JOB_KEY, "4711"), (proto::SERVER_KEY, "12")] {
            request.metadata_mut().insert(key, id.parse().unwrap());
        }
        client.apply(request).await.unwrap();
        let given = log.lines("a specification was given");
        let span = &given[0]["span"];
        let ids = [&span["method"], &span["request"], &span["job"], &span["server_id"]];
        assert_eq!(ids, ["Apply", "order-1", "4711", "12"]);
        let asked_by = place.agent.status(UUID).asked_by.expect("the work on the server is that call's");
        asked_by.in_scope(|| tracing::info!("at work"));
        assert_eq!(log.lines("at work")[0]["span"]["job"], "4711");

        client.apply(apply(2)).await.unwrap();
        let given = log.lines("a specification was given");
        assert_eq!(
            given[1]["span"]["job"],
            serde_json::Value::Null,
            "a control server of the release before says none"
        );
    }

    #[test]
    fn ids_that_could_pass_for_other_words_of_a_log_are_none() {
        let longest = "a".repeat(64);
        for sound in ["7", "order-4711.a_B", &longest] {
            assert!(is_sound(sound), "{sound}");
        }
        let longer = "a".repeat(65);
        for strange in ["", " ", "a b", "1 job=2", "a\n", "\"", &longer] {
            assert!(!is_sound(strange), "{strange:?}");
        }
    }
}
