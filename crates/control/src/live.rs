//! Live figures of nodes and servers, kept in memory only: each node streams them.

use std::{collections::HashMap, sync::RwLock};

use berth_proto as proto;
use berth_store::Micros;
use uuid::Uuid;

/// The newest sample of each node, and what it says of each server.
#[derive(Default)]
pub struct Live {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    nodes: HashMap<Uuid, (proto::NodeStats, Micros)>,
    servers: HashMap<Uuid, LiveServer>,
}

/// What a node last said of a server.
#[derive(Clone, Debug)]
pub struct LiveServer {
    pub node: Uuid,
    pub stats: proto::ServerStats,
    /// By this server's clock, when the sample came.
    pub sampled_at: Micros,
}

impl Live {
    /// Takes a sample; servers that it no longer has are forgotten.
    pub fn store(&self, node: Uuid, sample: proto::StatsSample, now: Micros) {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.servers.retain(|_, server| server.node != node);
        for stats in sample.servers {
            if let Ok(uuid) = Uuid::parse_str(&stats.server_uuid) {
                state.servers.insert(uuid, LiveServer { node, stats, sampled_at: now });
            }
        }
        if let Some(stats) = sample.node {
            state.nodes.insert(node, (stats, now));
        }
    }

    /// The node's stream was cut: what it said is no longer live.
    pub fn node_gone(&self, node: Uuid) {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.servers.retain(|_, server| server.node != node);
        state.nodes.remove(&node);
    }

    pub fn server(&self, uuid: Uuid) -> Option<LiveServer> {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner).servers.get(&uuid).cloned()
    }

    pub fn node(&self, uuid: Uuid) -> Option<(proto::NodeStats, Micros)> {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner).nodes.get(&uuid).cloned()
    }
}
