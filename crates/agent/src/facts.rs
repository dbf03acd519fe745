//! What the node has, as it tells the control server.

use berth_proto as proto;
use tokio::sync::OnceCell;

use crate::{
    agent::Agent,
    cmd::CmdError,
    config::AgentConfig,
    filesystem, filters_apply, net,
    netns::Netns,
    openvswitch_apply::{self, Switch},
    paths::Paths,
    probe,
    probe::AcceleratorFact,
    sentence, vlans_apply,
};

/// The kernel's word on firewalls. It is the same for as long as the agent runs, and with a node's filters in force each
/// question takes time.
static FIREWALL: OnceCell<&'static str> = OnceCell::const_new();

pub async fn node_facts(agent: &Agent) -> proto::NodeFacts {
    let libvirt_version = agent.libvirt.version().await.map(|(library, _)| version_text(library)).unwrap_or_default();
    let facts = gather(&agent.config, &agent.paths, &agent.accelerator, libvirt_version).await;
    let security_driver = agent.libvirt.security_driver().await.unwrap_or_default();
    proto::NodeFacts { storage: agent.storage_roots(), security_driver, ..facts }
}

/// Also asked before there is an agent, by enrolment.
pub async fn gather(
    config: &AgentConfig,
    paths: &Paths,
    accelerator: &AcceleratorFact,
    libvirt_version: String,
) -> proto::NodeFacts {
    let machine = probe::machine_facts(&probe::emulator(std::env::consts::ARCH)).await;
    let mut networks = Vec::new();
    for network in &config.networks {
        let mtu = net::bridge_mtu(&Netns::host(), &network.bridge).await.ok().flatten();
        let probed = match network.openvswitch {
            true => openvswitch_apply::probe(&Switch::of(&Netns::host()), &network.bridge).await,
            false => Ok(()),
        };
        let keeps_apart = network.openvswitch
            || network.vlans && vlans_apply::is_aware(&Netns::host(), &network.bridge).await.unwrap_or(false);
        networks.push(proto::NodeNetwork {
            bridge: network.bridge.clone(),
            mtu: mtu.unwrap_or(0),
            exists: mtu.is_some(),
            nat: network.nat,
            routed: network.routed,
            vlans: network.vlans && keeps_apart,
            openvswitch: network.openvswitch,
            trouble: probed.err().map(|why| sentence(&why)).unwrap_or_default(),
        });
    }
    proto::NodeFacts {
        hostname: machine.hostname,
        arch: machine.arch,
        cpu_cores: machine.cpu_cores,
        memory_mib: machine.memory_mib,
        accelerator: accelerator.accelerator.as_str().to_owned(),
        accelerator_detail: accelerator.detail.clone(),
        libvirt_version,
        qemu_version: machine.qemu_version,
        kernel_version: machine.kernel_version,
        cpu_model: machine.cpu_model,
        storage: probe::storage_root(paths.data_dir(), true).into_iter().collect(),
        networks,
        instance: config.instance.clone(),
        data_dir: paths.data_dir().display().to_string(),
        filesystems: filesystem::available(),
        bridge_prefix: config.bridge_prefix.clone(),
        timezone: machine.timezone,
        // libvirt's to tell.
        security_driver: String::new(),
        firewall: firewall(&config.instance).await.to_owned(),
    }
}

/// As `NodeFacts.firewall`. Without a word of the kernel's it is asked again the next time.
async fn firewall(instance: &str) -> &'static str {
    let asked = FIREWALL.get_or_try_init(|| async {
        match filters_apply::try_firewall(&Netns::host(), instance).await {
            Ok(()) => Ok("stateful"),
            Err(error @ CmdError::Exit { code: Some(_), .. }) => {
                tracing::warn!(%error, "firewalls can't remember flows on this kernel");
                Ok("none")
            }
            Err(error) => Err(error),
        }
    });
    asked.await.map_or("", |word| *word)
}

/// libvirt's form: 1,000,000 × major + 1,000 × minor + release.
fn version_text(version: u32) -> String {
    format!("{}.{}.{}", version / 1_000_000, version / 1_000 % 1_000, version % 1_000)
}
