//! Where one test's Berth lives on the host. Each test has a slot of its own, so that tests run side by side.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::sync::Arc;

use berth_control::config::Config;

/// Names, addresses and ports that belong to one test.
#[derive(Clone, Debug)]
pub struct Place {
    /// Prefix of everything on the host, at most five letters and digits.
    pub instance: String,
    pub bridge: String,
    /// `10.213.<slot>`
    ipv4_net: String,
    /// `fd00:be:<slot>`
    ipv6_net: String,
    pub control_port: u16,
    pub agent_port: u16,
    pub dir: PathBuf,
    /// The libvirt that holds its guests.
    pub libvirt_uri: String,
    /// Storages that the node's owner lists: kind and path.
    pub storages: Vec<(&'static str, PathBuf)>,
    /// Held as long as the slot is in use.
    _claim: Arc<UnixListener>,
}

impl Place {
    /// `slot` is a test's own number below 100. Panics where another test uses it.
    pub fn slot(slot: u8) -> Self {
        assert!(slot < 100, "slots end at 99");
        let instance = format!("tr{slot:02}");
        Self {
            bridge: format!("{instance}br"),
            ipv4_net: format!("10.213.{slot}"),
            ipv6_net: format!("fd00:be:{slot}"),
            control_port: 18_400 + u16::from(slot),
            agent_port: 18_600 + u16::from(slot),
            // Not a folder for temporary files: QEMU's user must be able to enter it.
            dir: PathBuf::from(format!("/var/lib/berth/test-{instance}")),
            libvirt_uri: super::host::SYSTEM.to_owned(),
            storages: Vec::new(),
            _claim: Arc::new(claimed(&instance)),
            instance,
        }
    }

    pub fn control_dir(&self) -> PathBuf {
        self.dir.join("control")
    }

    /// The control server's own, as [`berth_store::Store::connect`] takes it.
    pub fn database_url(&self) -> String {
        Config { data_dir: self.control_dir(), ..Config::default() }.database_url()
    }

    pub fn agent_dir(&self) -> PathBuf {
        self.dir.join("agent")
    }

    /// What a guest has written to its serial console.
    pub fn serial_log(&self, uuid: &str) -> PathBuf {
        self.agent_dir().join("logs").join(format!("{uuid}.serial.log"))
    }

    pub fn control_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.control_port)
    }

    pub fn ipv4_gateway(&self) -> String {
        format!("{}.1", self.ipv4_net)
    }

    pub fn ipv4_cidr(&self) -> String {
        format!("{}.1/24", self.ipv4_net)
    }

    /// First and last address for servers.
    pub fn ipv4_range(&self) -> (String, String) {
        (format!("{}.10", self.ipv4_net), format!("{}.99", self.ipv4_net))
    }

    /// An address of the subnet that no server gets.
    pub fn ipv4_spare(&self) -> String {
        format!("{}.200", self.ipv4_net)
    }

    pub fn ipv6_gateway(&self) -> String {
        format!("{}::1", self.ipv6_net)
    }

    pub fn ipv6_cidr(&self) -> String {
        format!("{}::1/48", self.ipv6_net)
    }

    /// What servers' subnets are cut from.
    pub fn ipv6_prefix(&self) -> String {
        format!("{}::/48", self.ipv6_net)
    }
}

/// A name that only one process of the machine can have, and that goes with it.
fn claimed(instance: &str) -> UnixListener {
    let name = format!("berth-test-{instance}");
    let bound = SocketAddr::from_abstract_name(&name).and_then(|name| UnixListener::bind_addr(&name));
    bound.unwrap_or_else(|e| panic!("the slot of {instance} is in use by another test: {e}"))
}
