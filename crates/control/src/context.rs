//! What every action, job and door gets: the database, the keys, the clock, randomness, settings and the nodes.

use std::sync::Arc;

use berth_store::{
    Micros, Store,
    seal::{Place, Sealer},
};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    Error, actions::passwords::Hashing, actions::server_create_batch::Creates, capacity::Capacity, clock::Clock,
    config::Config, http::health::Readiness, http::node_install::Program, http::streams::Streams, limit::Limits,
    live::Live, mail::Mailer, nodes::Nodes, oidc::Provider, pki::Pki, random::Rng,
};

/// Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    pub sealer: Sealer,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub config: Arc<Config>,
    pub live: Arc<Live>,
    pub nodes: Arc<Nodes>,
    pub pki: Arc<Pki>,
    /// Sums of what is allocated on nodes.
    pub capacity: Arc<Capacity>,
    /// Creates that wait for one transaction.
    pub creates: Arc<Creates>,
    /// Passwords that are hashed now.
    pub hashing: Arc<Hashing>,
    /// How often each client asked.
    pub limits: Arc<Limits>,
    /// When this control server started.
    pub started_at: Micros,
    /// None where there is no mail server.
    pub mailer: Option<Arc<Mailer>>,
    /// None where staff log in with passwords alone.
    pub oidc: Option<Arc<Provider>>,
    /// This process's own program, for nodes.
    pub program: Arc<Program>,
    /// Whether the database took a write lately.
    pub readiness: Arc<Readiness>,
    /// Streams of events that are open.
    pub streams: Arc<Streams>,
    /// Wakes the job runner after a job was enqueued.
    pub nudge: Arc<Notify>,
    /// Wakes whoever waits for the end of a job of this process.
    pub ended: Arc<Notify>,
    /// This installation, as its nodes' certificates name it.
    pub cluster: Cluster,
}

/// Facts of the installation, made at first start.
#[derive(Clone, Copy, Debug)]
pub struct Cluster {
    pub uuid: Uuid,
    /// Raised whenever the database was restored from a backup.
    pub epoch: u64,
}

impl Context {
    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Addresses that have been free since then may be given again.
    pub fn rested_since(&self, now: Micros) -> Micros {
        now - i64::from(self.config.address_rest_s) * crate::clock::SECOND
    }

    pub fn seal(&self, table: &str, column: &str, row: Uuid, text: &str) -> String {
        self.sealer.seal(Place { table, column, row }, self.rng.bytes(), text)
    }

    pub fn open(&self, table: &str, column: &str, row: Uuid, sealed: &str) -> Result<String, Error> {
        Ok(self.sealer.open(Place { table, column, row }, sealed)?)
    }
}
