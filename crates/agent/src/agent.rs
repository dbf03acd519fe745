//! The parts of a running agent, in one place for all that work on this node.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use berth_proto as proto;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    block_devices,
    clock::Clock,
    config::AgentConfig,
    disk::VolumeState,
    events::Outbox,
    host::HostFacts,
    images::Images,
    ledger::Ledger,
    libvirt::Libvirt,
    names,
    netns::Netns,
    node_net::NodeNet,
    paths::Paths,
    probe,
    probe::AcceleratorFact,
    revive::Deaths,
    screens::Screens,
    selftest::Selftest,
    storage::{Storages, Told},
};

/// Servers that are worked on at the same time; copies and starts share the node's disks.
const AT_ONCE: usize = 4;

pub struct Agent {
    pub config: AgentConfig,
    pub paths: Paths,
    pub host: HostFacts,
    pub accelerator: AcceleratorFact,
    pub ledger: Ledger,
    pub libvirt: Libvirt,
    pub netns: Netns,
    pub node_net: NodeNet,
    pub outbox: Outbox,
    pub images: Images,
    pub screens: Screens,
    pub clock: Arc<dyn Clock>,
    pub selftest: Selftest,
    /// The node's own UUID, of its certificate.
    pub node_uuid: String,
    /// This boot of the node.
    pub boot_id: String,
    /// Asks for a server to be looked at now.
    pub nudge: mpsc::UnboundedSender<String>,
    pub slots: Semaphore,
    /// Who tries out a definition.
    pub trial: AsyncMutex<()>,
    /// What the listed storages had at the newest look.
    storage: Mutex<Vec<Told>>,
    /// Held while the ports of this node are given to guests.
    pub forwards: AsyncMutex<()>,
    /// Held while routes to guests are changed.
    pub routes: AsyncMutex<()>,
    /// Held while DHCP servers are started and ended.
    pub dhcp: AsyncMutex<()>,
    /// Who makes joins with Open vSwitch of all guests' needs.
    pub joins: AsyncMutex<()>,
    status: Mutex<HashMap<String, Status>>,
    locks: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
    /// Who reads a guest's serial console: QEMU serves one at a time.
    serial_readers: Mutex<HashMap<String, CancellationToken>>,
    /// Who looks at a guest's screen: they are sent away when console access is switched off.
    screen_readers: Mutex<HashMap<String, Vec<CancellationToken>>>,
}

/// What is said of the newest work on a server; in memory only.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// A sentence, where the last try failed.
    pub error: String,
    pub doing: String,
    pub progress: u32,
    pub guest_agent: bool,
    /// When it was first seen running, by the reconciler.
    pub running_since: Option<tokio::time::Instant>,
    /// What the running guest lacks, see [`crate::live`].
    pub waits_for_start: Vec<String>,
    /// So many processors its system was seen to have switched on.
    pub vcpus_on: u32,
    /// It was told to shut down and has not been off since.
    pub shutting_down: bool,
    /// Its QEMU was ended by a signal from the host, not by the guest.
    pub killed_by_host: bool,
    /// The agent is about to start or to stop the guest: what libvirt tells then is no surprise.
    pub starting: bool,
    pub stopping: bool,
    /// A sentence: what somebody else changed, see [`crate::drift`].
    pub drift: String,
    /// Disks that are devices, as they were when they were last made sure of.
    pub devices: Vec<(String, VolumeState)>,
    /// The call that asked for what the server is to be like now: what is logged of the work on it has its ids.
    pub asked_by: Option<tracing::Span>,
    /// Another try has been asked for already.
    pub again: bool,
    /// How often its QEMU died of late.
    pub deaths: Deaths,
}

pub struct Parts {
    pub config: AgentConfig,
    pub host: HostFacts,
    pub accelerator: AcceleratorFact,
    pub ledger: Ledger,
    pub outbox: Outbox,
    pub node_net: NodeNet,
    pub clock: Arc<dyn Clock>,
    pub node_uuid: String,
    pub boot_id: String,
    pub nudge: mpsc::UnboundedSender<String>,
}

impl Agent {
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { config, host, accelerator, ledger, outbox, node_net, clock, node_uuid, boot_id, nudge } = parts;
        Arc::new(Self {
            paths: config.paths(),
            libvirt: Libvirt::new(&config.libvirt_uri),
            netns: Netns::host(),
            images: Images::default(),
            screens: Screens::default(),
            selftest: Selftest::default(),
            slots: Semaphore::new(AT_ONCE),
            trial: AsyncMutex::default(),
            storage: Mutex::default(),
            forwards: AsyncMutex::default(),
            routes: AsyncMutex::default(),
            dhcp: AsyncMutex::default(),
            joins: AsyncMutex::default(),
            status: Mutex::default(),
            locks: Mutex::default(),
            serial_readers: Mutex::default(),
            screen_readers: Mutex::default(),
            config,
            host,
            accelerator,
            ledger,
            outbox,
            node_net,
            clock,
            node_uuid,
            boot_id,
            nudge,
        })
    }

    /// Where disks may be on this node.
    pub fn storages(&self) -> Storages {
        Storages::new(&self.paths, &self.config.instance, &self.config.storages)
    }

    /// The node's own folder first; all with what passed their devices until now.
    pub fn storage_roots(&self) -> Vec<proto::StorageRoot> {
        let (counters, folder) = (block_devices::counters(), self.paths.data_dir());
        let own = probe::storage_root(folder, true).ok();
        let own = own.map(|root| Told { root, device: block_devices::under(folder) });
        let listed = self.storage.lock().unwrap_or_else(PoisonError::into_inner);
        own.iter().chain(listed.iter()).map(|told| told.with(&counters)).collect()
    }

    pub fn set_storage(&self, told: Vec<Told>) {
        *self.storage.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    pub fn domain(&self, server_uuid: &str) -> String {
        names::domain(&self.config.instance, server_uuid)
    }

    /// Waits until nobody else works on the server.
    pub async fn lock(&self, server_uuid: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(server_uuid.to_owned()).or_default())
        };
        lock.lock_owned().await
    }

    pub fn status(&self, server_uuid: &str) -> Status {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.get(server_uuid).cloned().unwrap_or_default()
    }

    pub fn set_status(&self, server_uuid: &str, change: impl FnOnce(&mut Status)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        change(status.entry(server_uuid.to_owned()).or_default());
    }

    /// Makes `reader` the one of the guest's serial console; the one before it is sent away.
    pub fn take_serial(&self, server_uuid: &str, reader: CancellationToken) {
        let mut readers = self.serial_readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = readers.insert(server_uuid.to_owned(), reader) {
            before.cancel();
        }
    }

    /// One more who looks at the guest's screen, until `reader` ends.
    pub fn add_screen(&self, server_uuid: &str, reader: CancellationToken) {
        let mut readers = self.screen_readers.lock().unwrap_or_else(PoisonError::into_inner);
        let of_guest = readers.entry(server_uuid.to_owned()).or_default();
        of_guest.retain(|reader| !reader.is_cancelled());
        of_guest.push(reader);
    }

    /// Sends all away who look at the guest's screen; true where anybody did since the last call.
    pub fn close_screens(&self, server_uuid: &str) -> bool {
        let mut readers = self.screen_readers.lock().unwrap_or_else(PoisonError::into_inner);
        let of_guest = readers.remove(server_uuid);
        of_guest.iter().flatten().for_each(CancellationToken::cancel);
        of_guest.is_some()
    }

    pub fn nudge(&self, server_uuid: &str) {
        // The reconciler lives as long as the agent; at its end nobody waits any more.
        let _ = self.nudge.send(server_uuid.to_owned());
    }
}
