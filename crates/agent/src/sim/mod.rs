//! A simulated node: the agent's service over a host in memory, for the control server's tests and for scale.
//!
//! What it takes and refuses is decided by the ledger's own rules; only the host is made up. It never proves that a
//! feature works: that is for real guests. Faults are ordered by tests, see [`Faults`].

mod faults;
mod host;
mod service;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use berth_proto::node_server::NodeServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{service::interceptor::InterceptedService, transport::Server};

use crate::{identity::Identity, tls};

pub use faults::{Call, Faults};
pub use host::{SimHost, SimServer};

/// A node that runs until it is dropped.
pub struct SimNode {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

struct Shared {
    node_uuid: String,
    host: Mutex<SimHost>,
    faults: Mutex<Faults>,
    news: tokio::sync::watch::Sender<u64>,
}

impl Shared {
    fn host(&self) -> MutexGuard<'_, SimHost> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimNode {
    /// Serves on a free port of the loopback interface, over mutual TLS as every node does.
    pub async fn start(identity: &Identity) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening")?;
        let address = listener.local_addr()?;
        let (news, _) = tokio::sync::watch::channel(0);
        let shared = Arc::new(Shared {
            node_uuid: identity.names.node_uuid.clone(),
            host: Mutex::default(),
            faults: Mutex::default(),
            news,
        });
        let service = NodeServer::new(service::Service { shared: Arc::clone(&shared) });
        let guarded = InterceptedService::new(service, tls::only_control(&identity.names.cluster_uuid));
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let server =
            Server::builder().tls_config(tls::config(identity))?.add_service(guarded).serve_with_incoming(incoming);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                served = server => drop(served),
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self { address, shared, stop })
    }

    /// What the host holds now.
    pub fn host(&self) -> MutexGuard<'_, SimHost> {
        self.shared.host()
    }

    /// What goes wrong from now on.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.shared.faults()
    }
}

impl Drop for SimNode {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
