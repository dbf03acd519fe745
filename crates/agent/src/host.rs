//! The facts of a host that the text makers need. They are found by [`crate::probe`] and passed in, so that the
//! makers stay pure and their golden files do not depend on the machine that runs the tests.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::domain_xml::CustomXmlPolicy;
use crate::storage::StorageConfig;

/// What runs the guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The processor's own virtualisation.
    Kvm,
    /// QEMU's emulation, about ten times slower; for machines without KVM.
    Qemu,
}

impl Accelerator {
    /// libvirt's domain type, and the word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Accelerator::Kvm => "kvm",
            Accelerator::Qemu => "qemu",
        }
    }
}

/// The facts of this host, and the choices of its owner, that go into a domain's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Prefix of all names that this agent gives, see [`crate::names`].
    pub instance: String,
    pub accelerator: Accelerator,
    /// As libvirt and `uname -m` say: "x86_64".
    pub arch: String,
    /// QEMU's program for the architecture.
    pub emulator: PathBuf,
    /// OVMF's code and its template of variables; none where the host lacks the package, and then UEFI guests can't
    /// be defined.
    pub ovmf: Option<Ovmf>,
    /// The group in the label of each guest's QEMU where it needs one to open `/dev/kvm`; none: the guest's own.
    pub qemu_gid: Option<u32>,
    /// libvirt's cache mode for disks whose specification names none.
    pub disk_cache: String,
    /// Whether guests can have a TPM, see `tpm.rs`.
    pub swtpm: bool,
    /// What of administrators' own XML is accepted.
    pub custom_xml: CustomXmlPolicy,
    /// Where disks may be kept besides the agent's own folder.
    pub storages: Vec<StorageConfig>,
    /// Bridges of Open vSwitch among the networks, see [`crate::openvswitch`].
    pub switches: Vec<String>,
}

/// UEFI firmware for guests, Debian's package `ovmf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ovmf {
    pub code: PathBuf,
    pub vars: PathBuf,
}
