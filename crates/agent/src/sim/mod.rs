//! A simulated node: the agent's service over a host in memory, for the control server's tests and for scale.
//!
//! What it takes and refuses is decided by the ledger's own rules; only the host is made up. It never proves that a
//! feature works: that is for real guests. Faults are ordered by tests, see [`Faults`].

mod console;
mod faults;
mod figures;
mod guest;
mod host;
mod service;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use berth_proto::{self as proto, node_server::NodeServer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{service::interceptor::InterceptedService, transport::Server};

use crate::{
    domain_xml::CustomXmlPolicy,
    host::{Accelerator, HostFacts, Ovmf},
    identity::Identity,
    tls, trail,
};

pub use faults::{Call, Faults};
pub use guest::SimGuest;
pub use host::{SimHost, SimNetworks, SimServer};

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
    /// Ends the streams, which outlive the server that made them.
    stop: CancellationToken,
}

/// What a simulated node has.
pub fn host_facts() -> HostFacts {
    HostFacts {
        instance: "sim".to_owned(),
        accelerator: Accelerator::Qemu,
        arch: "x86_64".to_owned(),
        emulator: "/usr/bin/qemu-system-x86_64".into(),
        ovmf: Some(Ovmf { code: "/ovmf/code.fd".into(), vars: "/ovmf/vars.fd".into() }),
        qemu_gid: None,
        disk_cache: "writeback".to_owned(),
        swtpm: true,
        custom_xml: CustomXmlPolicy::default(),
        storages: Vec::new(),
        switches: Vec::new(),
    }
}

/// The digest of what a URL has, in a world where every URL has something.
pub fn digest_of(url: &str) -> String {
    use sha2::{Digest, Sha256};
    format!("sha256:{}", hex::encode(Sha256::digest(url)))
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
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.context("listening")?, identity)
    }

    /// The same where the port had to be known before the node could be enrolled.
    pub fn start_on(listener: TcpListener, identity: &Identity) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let (news, _) = tokio::sync::watch::channel(0);
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            node_uuid: identity.names.node_uuid.clone(),
            host: Mutex::default(),
            faults: Mutex::default(),
            news,
            stop: stop.clone(),
        });
        let service = NodeServer::new(service::Service { shared: Arc::clone(&shared) });
        let guarded = InterceptedService::new(service, tls::only_control(&identity.names.cluster_uuid));
        let incoming = tls::incoming(listener, identity, tls::Shown::new(identity)?)?;
        let server = Server::builder().layer(trail::Layer).add_service(guarded).serve_with_incoming(incoming);
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

    /// The node tells of something that happened to a server, at microseconds since 1970; it is kept until it is
    /// acknowledged.
    pub fn tell(&self, server_uuid: &str, at_us: i64, what: proto::event::What) {
        self.shared.news.send_modify(|sequence| {
            *sequence += 1;
            self.shared.host().events.push_back(proto::Event {
                incarnation: "simulated".to_owned(),
                sequence: *sequence,
                server_uuid: server_uuid.to_owned(),
                at_us,
                what: Some(what),
            });
        });
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
