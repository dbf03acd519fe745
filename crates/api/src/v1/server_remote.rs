//! What a server does at this moment, as its node told in the last five seconds.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// `false` where it was not asked for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RemoteState {
    NotAsked(bool),
    Known(Box<RemoteFigures>),
}

impl RemoteState {
    pub const NOT_ASKED: Self = Self::NotAsked(false);
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RemoteFigures {
    /// Whether it is known that it runs.
    pub running: bool,
    /// `running`, `off`, `paused`, `crashed`, `shutdown`, or `unknown` where the node told nothing for five seconds.
    pub state: String,
    /// Percent; 100 for each core in full use.
    pub cpu: f64,
    pub memory: RemoteMemory,
    /// By target, `vda` the primary disk.
    pub disk: BTreeMap<String, RemoteDisk>,
    /// By the interface's tag.
    pub interfaces: BTreeMap<String, RemoteInterface>,
    pub agent: RemoteAgent,
    /// What somebody changed on the node behind Berth's back, last; null where nothing is known of it.
    pub drift: Option<String>,
    /// When the node took these figures; null where none are known.
    pub sampled: Option<String>,
}

/// kB (1024 bytes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RemoteMemory {
    pub actual: u64,
    pub unused: u64,
    pub available: u64,
    pub rss: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RemoteDisk {
    #[serde(rename = "rd.bytes")]
    pub read_bytes: u64,
    #[serde(rename = "wr.bytes")]
    pub write_bytes: u64,
    #[serde(rename = "rd.reqs")]
    pub read_requests: u64,
    #[serde(rename = "wr.reqs")]
    pub write_requests: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RemoteInterface {
    #[serde(rename = "rx.bytes")]
    pub rx_bytes: u64,
    #[serde(rename = "tx.bytes")]
    pub tx_bytes: u64,
    #[serde(rename = "rx.pkts")]
    pub rx_packets: u64,
    #[serde(rename = "tx.pkts")]
    pub tx_packets: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RemoteAgent {
    pub fsinfo: Vec<RemoteFilesystem>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RemoteFilesystem {
    pub name: String,
    pub mountpoint: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub used_bytes: u64,
    pub total_bytes: u64,
}
