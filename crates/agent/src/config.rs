//! What a node's owner sets, in `agent.toml`. The agent trusts the control server only so far: what it may use on
//! this node is said here.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{disk, domain_xml::CustomXmlPolicy, names, paths::Paths, storage::StorageConfig};

/// What is left of a bridge's 15 characters tells bridges apart.
const BRIDGE_PREFIX_LIMIT_CHARS: usize = 10;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentConfig {
    /// Prefix of every name on the host: 1 to 5 of `a-z0-9`, a letter first.
    pub instance: String,
    pub data_dir: PathBuf,
    /// Where the control server reaches this agent.
    pub listen: SocketAddr,
    pub libvirt_uri: String,
    /// What guests may be attached to.
    #[serde(rename = "network")]
    pub networks: Vec<NetworkConfig>,
    /// The control server may have bridges made whose names begin with it; empty: none.
    pub bridge_prefix: String,
    /// What the control server changes of this node's own network is undone after this, unless it confirms it.
    pub networks_confirm_s: u64,
    /// Where disks may be kept besides the agent's own folder.
    #[serde(rename = "storage")]
    pub storages: Vec<StorageConfig>,
    /// `auto` probes by a timed boot; `kvm` and `qemu` (emulation) are taken as said.
    pub accelerator: String,
    /// What of administrators' own XML is accepted.
    pub custom_xml: CustomXmlPolicy,
    /// Guests that are started at once after a reboot of the node.
    pub boot_at_once: usize,
    /// How a new disk comes by its template's content.
    pub disk_mode: disk::Mode,
    /// Where `/metrics` and `/healthz` are served, in the clear; nowhere by default.
    pub metrics_listen: Option<SocketAddr>,
    /// Of the log, on standard error; `BERTH_LOG_FORMAT` wins over it.
    pub log_format: LogFormat,
    /// Where the kernel tells which boot this is; tests turn it.
    pub boot_id_file: PathBuf,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line, for programs.
    Json,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    pub bridge: String,
    /// The bridge's own address in CIDR form, where the agent makes the bridge.
    pub ipv4_cidr: Option<String>,
    pub ipv6_cidr: Option<String>,
    /// Guests reach the world under the node's address.
    pub nat: bool,
    /// The node routes to guests' single addresses by this bridge, and answers for them on its uplink.
    pub routed: bool,
    /// Of a routed bridge; by default the device of the node's default route.
    pub uplink: Option<String>,
    /// Guests may have VLANs of this bridge; a managed one is made to keep them apart.
    pub vlans: bool,
    /// A bridge of Open vSwitch, which its owner makes; guests are joined to it, see [`crate::openvswitch`].
    pub openvswitch: bool,
    /// Made and removed by the agent. A bridge that is not is left as it is.
    pub managed: bool,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            instance: "berth".to_owned(),
            data_dir: PathBuf::from("/var/lib/berth/agent"),
            listen: SocketAddr::from(([0, 0, 0, 0], 8892)),
            libvirt_uri: "qemu:///system".to_owned(),
            networks: Vec::new(),
            bridge_prefix: String::new(),
            networks_confirm_s: 60,
            storages: Vec::new(),
            accelerator: "auto".to_owned(),
            custom_xml: CustomXmlPolicy::default(),
            boot_at_once: 2,
            disk_mode: disk::Mode::Linked,
            metrics_listen: None,
            log_format: LogFormat::Text,
            boot_id_file: PathBuf::from("/proc/sys/kernel/random/boot_id"),
        }
    }
}

impl AgentConfig {
    pub fn load(file: &std::path::Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let config: AgentConfig = toml::from_str(&text).with_context(|| format!("in {}", file.display()))?;
        config.check()?;
        Ok(config)
    }

    pub fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            names::instance_is_valid(&self.instance),
            "instance must be 1 to 5 of a-z and 0-9, a letter first"
        );
        anyhow::ensure!(
            matches!(self.accelerator.as_str(), "auto" | "kvm" | "qemu"),
            "accelerator must be auto, kvm or qemu"
        );
        for storage in &self.storages {
            storage.check()?;
            let same = |other: &&StorageConfig| (&other.kind, other.location()) == (&storage.kind, storage.location());
            let times = self.storages.iter().filter(same).count();
            anyhow::ensure!(times == 1, "the storage {} {} is listed twice", storage.kind, storage.location());
        }
        let prefix = self.bridge_prefix.as_str();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let fits = prefix.starts_with(|c: char| c.is_ascii_alphabetic()) && prefix.chars().all(is_plain);
        anyhow::ensure!(
            prefix.is_empty()
                || prefix.len() <= BRIDGE_PREFIX_LIMIT_CHARS && fits && !self.instance.starts_with(prefix),
            "bridge_prefix must be 1 to {BRIDGE_PREFIX_LIMIT_CHARS} letters, digits, - and _, a letter first, and not begin \
             the names of guests' interfaces"
        );
        if let Some(listed) = self.networks.iter().find(|of| !prefix.is_empty() && of.bridge.starts_with(prefix)) {
            anyhow::bail!("bridge_prefix must not be that of the bridge {}, which is this node's own", listed.bridge);
        }
        for network in self.networks.iter().filter(|network| network.openvswitch) {
            let own = [&network.ipv4_cidr, &network.ipv6_cidr, &network.uplink].into_iter().flatten().next();
            anyhow::ensure!(
                !network.managed && !network.nat && !network.routed && own.is_none(),
                "the bridge {} is of Open vSwitch, whose owner makes it: it can have vlans, and none of managed, nat, \
                 routed, uplink, ipv4_cidr and ipv6_cidr",
                network.bridge
            );
        }
        anyhow::ensure!((1..=3600).contains(&self.networks_confirm_s), "networks_confirm_s must be 1 to 3600");
        anyhow::ensure!(self.boot_at_once > 0, "boot_at_once must be at least 1");
        Ok(())
    }

    pub fn paths(&self) -> Paths {
        Paths::new(&self.data_dir)
    }

    /// Held by the one agent that works in the data folder.
    pub fn lock_file(&self) -> PathBuf {
        self.data_dir.join("agent.lock")
    }

    /// Certificate, key and authority, as enrolment wrote them.
    pub fn identity_dir(&self) -> PathBuf {
        self.data_dir.join("identity")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_of_open_vswitch_is_its_owners_in_all_but_vlans() {
        let with = |more: &str| {
            let text = format!("[[network]]\nbridge = \"ovsbr0\"\nopenvswitch = true\n{more}");
            toml::from_str::<AgentConfig>(&text).unwrap().check()
        };
        assert!(with("").is_ok() && with("vlans = true").is_ok());
        for wrong in ["managed", "nat", "routed"] {
            let refused = with(&format!("{wrong} = true")).unwrap_err().to_string();
            assert!(refused.contains("ovsbr0 is of Open vSwitch"), "{refused}");
        }
        for wrong in ["uplink = \"eno1\"", "ipv4_cidr = \"10.0.0.1/24\"", "ipv6_cidr = \"fd00::1/64\""] {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }
}
