//! A node's agent as a whole: what it does at start, what runs, and how it ends. Guests stay.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use berth_proto::{event::What, node_server::NodeServer};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{service::interceptor::InterceptedService, transport::Server};

use crate::{
    agent::{Agent, Parts},
    clock::SystemClock,
    config::AgentConfig,
    dhcp_apply,
    events::Outbox,
    filters_apply, forwards_apply,
    host::{Accelerator, HostFacts},
    identity::{Identity, write},
    ledger::Ledger,
    lifecycle, metrics, net,
    netns::Netns,
    node_net::{self, NodeNet},
    observe,
    openvswitch_apply::{self, Switch},
    pid_lock, probe,
    probe::AcceleratorFact,
    qemu_conf, qemu_host, reconcile, renew, routes_apply, screens, selftest,
    service::Service,
    storage::{self, Storages},
    tls, tpm, traffic, trail, vlans_apply, vm,
};

/// An image's chunk and some room.
const MESSAGE_LIMIT_BYTES: usize = 16 << 20;
const ACCELERATOR_FILE: &str = "accelerator.json";

/// Runs the agent until `shutdown`. The node must have been enrolled.
pub async fn run(config: AgentConfig, shutdown: CancellationToken) -> anyhow::Result<()> {
    config.check()?;
    let paths = config.paths();
    paths.ensure_dirs().with_context(|| format!("making {}", paths.data_dir().display()))?;
    let _lock = match pid_lock::take(&config.lock_file())? {
        Ok(lock) => lock,
        Err(pid) => {
            anyhow::bail!("an agent works in {} already (process {})", config.data_dir.display(), pid.as_raw_nonzero())
        }
    };
    let identity =
        Identity::load(&config.identity_dir())?.context("this node has not been enrolled: run `berth agent enrol`")?;
    qemu_host::ensure_host_lets_guests_run().context("letting guests run as users of their own")?;
    for warning in qemu_conf::check_qemu_conf(Path::new(qemu_conf::QEMU_CONF)) {
        tracing::warn!("{warning}");
    }
    let accelerator = accelerator(&config).await?;
    ensure_networks(&config).await?;
    filters_apply::ensure_table(&Netns::host(), &config.instance).await.map_err(anyhow::Error::msg)?;
    let boot_id =
        std::fs::read_to_string(&config.boot_id_file).context("reading which boot this is")?.trim().to_owned();
    let (nudge, nudges) = mpsc::unbounded_channel();
    let node_net = node_net(&config, &boot_id)?;
    if let Err(error) = node_net.resume().await {
        tracing::error!(%error, "the node's networks are not as they should be");
    }
    let agent = Agent::new(Parts {
        node_net,
        host: host_facts(&config, &accelerator),
        ledger: Ledger::open(paths.ledger_dir())?,
        outbox: Outbox::open(paths.data_dir().to_owned(), &format!("{boot_id}-{}", std::process::id()))?,
        clock: Arc::new(SystemClock),
        node_uuid: identity.names.node_uuid.clone(),
        accelerator,
        boot_id,
        nudge,
        config,
    });
    // What a self-test left that was killed.
    selftest::sweep(&agent.paths, &agent.storages()).await;
    vm::expect_copies(&agent);
    serve(agent, nudges, identity, shutdown).await
}

fn node_net(config: &AgentConfig, boot_id: &str) -> anyhow::Result<NodeNet> {
    let parts = node_net::Parts {
        netns: Netns::host(),
        instance: config.instance.clone(),
        data_dir: config.data_dir.clone(),
        prefix: config.bridge_prefix.clone(),
        confirm_within: Duration::from_secs(config.networks_confirm_s),
        clock: Arc::new(SystemClock),
        boot_id: boot_id.to_owned(),
    };
    NodeNet::open(parts).context("reading what the control server has changed of this node's network")
}

/// Undoes changes of the node's network that nobody confirms, and tells of them.
async fn keep_networks(agent: Arc<Agent>, shutdown: CancellationToken) {
    let tell = |what: &str| {
        tracing::warn!("{what}");
        agent.outbox.push(agent.clock.now_us(), "", What::Drift(berth_proto::Drift { what: what.to_owned() }));
    };
    agent.node_net.run(tell, shutdown).await;
}

async fn serve(
    agent: Arc<Agent>,
    nudges: mpsc::UnboundedReceiver<String>,
    identity: Identity,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let shown = tls::Shown::new(&identity)?;
    let address = agent.config.listen;
    let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    let background = [
        tokio::spawn(reconcile::run(Arc::clone(&agent), nudges, shutdown.clone())),
        tokio::spawn(lifecycle::run(Arc::clone(&agent), shutdown.clone())),
        tokio::spawn(keep_networks(Arc::clone(&agent), shutdown.clone())),
        tokio::spawn(screens::run(Arc::clone(&agent), shutdown.clone())),
        tokio::spawn(metrics::run(Arc::clone(&agent), shutdown.clone())),
        tokio::spawn(traffic::run(Arc::clone(&agent), shutdown.clone())),
        tokio::spawn(storage::run(Arc::clone(&agent), shutdown.clone())),
        tokio::spawn(renew::run(Arc::clone(&agent), identity.clone(), Arc::clone(&shown), shutdown.clone())),
    ];
    let service = NodeServer::new(Service { agent: Arc::clone(&agent) })
        .max_decoding_message_size(MESSAGE_LIMIT_BYTES)
        .max_encoding_message_size(MESSAGE_LIMIT_BYTES);
    let guarded = InterceptedService::new(service, tls::only_control(&identity.names.cluster_uuid));
    tracing::info!(%address, accelerator = agent.accelerator.detail, "the agent is ready");
    let incoming = tls::incoming(listener, &identity, shown)?;
    let stop = shutdown.clone();
    // Streams of events and figures never end by themselves, so the server is dropped instead of drained.
    let mut layers = Server::builder().layer(observe::Layer).layer(trail::Layer);
    let server = layers.add_service(guarded).serve_with_incoming(incoming);
    let served = tokio::select! {
        served = server => served.context("serving the control server"),
        () = stop.cancelled() => Ok(()),
    };
    shutdown.cancel();
    for task in background {
        let _ = task.await;
    }
    served
}

/// As configured, as remembered, or as a timed boot shows.
pub async fn accelerator(config: &AgentConfig) -> anyhow::Result<AcceleratorFact> {
    let said = |accelerator| AcceleratorFact { accelerator, detail: "as the node's configuration says".to_owned() };
    match config.accelerator.as_str() {
        "kvm" => return Ok(said(Accelerator::Kvm)),
        "qemu" => return Ok(said(Accelerator::Qemu)),
        _ => {}
    }
    let dir = config.paths().data_dir().to_owned();
    std::fs::create_dir_all(&dir)?;
    let remembered = std::fs::read(dir.join(ACCELERATOR_FILE)).ok();
    if let Some(fact) = remembered.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Ok(fact);
    }
    let fact = probe::probe_accelerator(&probe::emulator(std::env::consts::ARCH), &dir).await;
    write(&dir, ACCELERATOR_FILE, &serde_json::to_vec(&fact)?)?;
    Ok(fact)
}

fn host_facts(config: &AgentConfig, accelerator: &AcceleratorFact) -> HostFacts {
    HostFacts {
        instance: config.instance.clone(),
        accelerator: accelerator.accelerator,
        arch: std::env::consts::ARCH.to_owned(),
        emulator: probe::emulator(std::env::consts::ARCH),
        ovmf: probe::ovmf(),
        qemu_gid: qemu_host::qemu_gid(accelerator.accelerator),
        disk_cache: "writeback".to_owned(),
        swtpm: tpm::is_available(),
        custom_xml: config.custom_xml.clone(),
        storages: config.storages.clone(),
        switches: config.networks.iter().filter(|of| of.openvswitch).map(|of| of.bridge.clone()).collect(),
    }
}

/// The bridges that the agent makes itself; others are the owner's.
pub async fn ensure_networks(config: &AgentConfig) -> anyhow::Result<()> {
    for network in config.networks.iter().filter(|network| network.managed) {
        let addresses = [&network.ipv4_cidr, &network.ipv6_cidr].into_iter().flatten();
        let bridge = net::BridgeSpec {
            name: network.bridge.clone(),
            addresses: addresses
                .map(|cidr| cidr.parse().with_context(|| format!("{cidr} is not an address with a prefix")))
                .collect::<Result<_, _>>()?,
            nat: network.nat,
            mtu: 0,
        };
        net::ensure_bridge(&Netns::host(), &config.instance, &bridge).await.map_err(anyhow::Error::msg)?;
        if network.vlans {
            vlans_apply::make_aware(&Netns::host(), &network.bridge).await.map_err(anyhow::Error::msg)?;
        }
    }
    Ok(())
}

/// Takes everything of the instance off the host: guests, filters, bridges and the data folder. The caller holds the
/// data folder's lock: an agent that works would make anew what is removed here. What the kernel was set to for
/// forwarding stays until the host's next start, for others may rely on it by now.
pub async fn uninstall(config: &AgentConfig) -> anyhow::Result<()> {
    let libvirt = crate::libvirt::Libvirt::new(&config.libvirt_uri);
    for name in libvirt.names(&format!("{}-", config.instance)).await? {
        libvirt.destroy(&name).await?;
        libvirt.undefine(&name).await?;
    }
    let host = Netns::host();
    filters_apply::remove_table(&host, &config.instance).await.map_err(anyhow::Error::msg)?;
    for network in config.networks.iter().filter(|network| network.managed) {
        net::remove_bridge(&host, &config.instance, &network.bridge).await.map_err(anyhow::Error::msg)?;
    }
    for bridge in node_net(config, "")?.bridges().await {
        net::remove_bridge(&host, &config.instance, &bridge.name).await.map_err(anyhow::Error::msg)?;
    }
    if config.networks.iter().any(|network| network.openvswitch) {
        let switch = Switch::of(&host);
        openvswitch_apply::remove_joins(&switch, &config.instance).await.map_err(anyhow::Error::msg)?;
    }
    routes_apply::remove_routes(&host, config).await.map_err(anyhow::Error::msg)?;
    dhcp_apply::ensure_servers(&host, &dhcp_apply::dir(config), &BTreeMap::new()).await?;
    forwards_apply::remove_forwards(&host, &config.instance).await.map_err(anyhow::Error::msg)?;
    net::remove_nat_table(&host, &config.instance).await.map_err(anyhow::Error::msg)?;
    remove_volumes(config).await?;
    remove_dir(&config.data_dir)
}

/// Disks outside of the data folder, as the ledger names them, and this instance's empty folders there.
async fn remove_volumes(config: &AgentConfig) -> anyhow::Result<()> {
    let paths = config.paths();
    let storages = Storages::new(&paths, &config.instance, &config.storages);
    if paths.ledger_dir().is_dir() {
        for volume in Ledger::open(paths.ledger_dir())?.all().into_iter().flat_map(|entry| entry.volumes) {
            storages.remove(&volume).await.with_context(|| format!("removing the disk {}", volume.volume_uuid))?;
        }
    }
    storages.remove_dirs();
    Ok(())
}

fn remove_dir(dir: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", dir.display()))
        }
        _ => Ok(()),
    }
}
