//! An agent over libvirt's own test driver, for tests of its doors: no host is touched.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use crate::{
    agent::{Agent, Parts},
    clock::SystemClock,
    config::AgentConfig,
    events::Outbox,
    host::Accelerator,
    ledger::Ledger,
    netns::Netns,
    node_net::{self, NodeNet},
    probe::AcceleratorFact,
    sim,
};

/// Some server's.
pub const UUID: &str = "5de5a89b-b707-41bf-a051-7af1a4e67795";
const BOOT: &str = "boot-1";

pub struct Place {
    pub agent: Arc<Agent>,
    _nudges: mpsc::UnboundedReceiver<String>,
    _dir: tempfile::TempDir,
}

impl Place {
    /// `libvirt_uri` is `test:///default` for a host that answers.
    pub fn new(libvirt_uri: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = AgentConfig {
            instance: "tst".to_owned(),
            data_dir: dir.path().join("agent"),
            libvirt_uri: libvirt_uri.to_owned(),
            metrics_listen: Some("127.0.0.1:0".parse().unwrap()),
            ..AgentConfig::default()
        };
        let paths = config.paths();
        paths.ensure_dirs().unwrap();
        let (nudge, nudges) = mpsc::unbounded_channel();
        let node_net = NodeNet::open(node_net::Parts {
            netns: Netns::host(),
            instance: config.instance.clone(),
            data_dir: config.data_dir.clone(),
            prefix: String::new(),
            confirm_within: Duration::from_secs(60),
            clock: Arc::new(SystemClock),
            boot_id: BOOT.to_owned(),
        });
        let agent = Agent::new(Parts {
            node_net: node_net.unwrap(),
            host: sim::host_facts(),
            accelerator: AcceleratorFact { accelerator: Accelerator::Qemu, detail: "for a test".to_owned() },
            ledger: Ledger::open(paths.ledger_dir()).unwrap(),
            outbox: Outbox::open(paths.data_dir().to_owned(), BOOT).unwrap(),
            clock: Arc::new(SystemClock),
            node_uuid: UUID.to_owned(),
            boot_id: BOOT.to_owned(),
            nudge,
            config,
        });
        Self { agent, _nudges: nudges, _dir: dir }
    }
}
