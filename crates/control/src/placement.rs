//! Which node of a group a new server goes to. Pure: rows and sums in, an order of nodes and the reasons out.
//!
//! A group's `distributionType` says how:
//!
//! | code | picks |
//! | --- | --- |
//! | 1 | the node with the fewest servers |
//! | 2 | the node with the most free memory |
//! | 3 | the node with the most free CPU cores |
//! | 4 | the node with the most free storage |
//! | 5 and every other | the node whose most used resource is used least (balanced) |
//! | 11 | the node with the least free memory that still fits (fill first) |
//! | 12 | the node with the most servers that still fits |
//! | 13 | the first that fits, in order of the nodes' ids |

mod fits;
mod storage;
#[cfg(test)]
mod tests;

use berth_proto::StorageKind;
use berth_store::{entity::hypervisor, server::Allocated};

pub use fits::{Fit, Fits, fits};
pub use storage::{DiskWanted, Pool, PoolRefusal, assign};

/// Codes that mean something of their own.
pub const DISTRIBUTION_TYPES: [i32; 8] = [1, 2, 3, 4, 5, 11, 12, 13];

/// Architectures as templates name them.
pub const X86_64: i32 = 1;
pub const AARCH64: i32 = 2;

/// What a new server takes, or what one grows by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    pub memory_mib: i64,
    pub cpu_cores: i64,
    /// Of all its disks.
    pub storage_gib: i64,
}

/// Everything that a new server wants of its node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub demand: Demand,
    pub disks: Vec<DiskWanted>,
    /// Of the blocks that its addresses come from; 0 is any.
    pub network_profile: i32,
    pub ipv4: u32,
    /// Of the template that it will be built from, where that is known.
    pub arch: Option<i32>,
}

/// What may be given out, over-commit included; 0 is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub servers: i64,
    pub memory_mib: i64,
    pub cpu_cores: i64,
    pub storage_gib: i64,
}

impl Limits {
    pub fn of(row: &hypervisor::Model) -> Self {
        Self {
            servers: row.max_servers,
            memory_mib: stretched(row.max_memory_mib, row.memory_overcommit_percent),
            cpu_cores: stretched(row.max_cpu, row.cpu_overcommit_percent),
            storage_gib: stretched(row.max_storage_gib, row.storage_overcommit_percent),
        }
    }
}

/// A limit with over-commit, rounded down. It stays a limit, since 0 is none.
pub fn stretched(limit: i64, percent: i64) -> i64 {
    if limit == 0 { 0 } else { (limit.saturating_mul(percent) / 100).max(1) }
}

/// The node's processors, as its agent told.
pub fn arch(row: &hypervisor::Model) -> Option<i32> {
    match row.facts.get("arch")?.as_str()? {
        "x86_64" => Some(X86_64),
        "aarch64" => Some(AARCH64),
        _ => None,
    }
}

/// Addresses that a node can give; several nodes may share a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub id: i64,
    pub network_profile: i32,
    pub free: i64,
}

impl Block {
    pub fn serves(self, network_profile: i32) -> bool {
        network_profile == 0 || network_profile == self.network_profile
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: i64,
    pub name: String,
    pub enabled: bool,
    pub maintenance: bool,
    /// Takes no new servers.
    pub prohibit: bool,
    pub commissioned: bool,
    /// Has a network for the server's primary interface.
    pub has_network: bool,
    /// Its node found it good, where it is one that is looked at.
    pub network_works: bool,
    /// Unknown where its agent has not told.
    pub arch: Option<i32>,
    /// Its storages, its own folder first.
    pub pools: Vec<Pool>,
    /// IPv4 blocks of that network, in the order in which they give.
    pub blocks: Vec<Block>,
    pub limits: Limits,
    pub allocated: Allocated,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Ids of the nodes that can take the server, the best first.
    pub order: Vec<i64>,
    /// Why each of the others can't, a sentence for each reason.
    pub reasons: Vec<String>,
}

pub fn place(nodes: &[Node], wanted: &Wanted, distribution_type: i32) -> Placement {
    let mut fitting = Vec::new();
    let mut reasons = Vec::new();
    for node in nodes {
        let mut against = refusals(node, wanted).peekable();
        if against.peek().is_none() {
            fitting.push(node);
        }
        reasons.extend(against.map(|refusal| refusal.sentence(&node.name)));
    }
    fitting.sort_by_key(|node| (rank(node, wanted, distribution_type), node.id));
    Placement { order: fitting.iter().map(|node| node.id).collect(), reasons }
}

/// Why a node can't take a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Disabled,
    Maintenance,
    Prohibit,
    NotCommissioned,
    NoNetwork,
    NetworkFails,
    Arch {
        wanted: i32,
    },
    StorageProfile {
        wanted: i32,
    },
    Servers {
        used: i64,
        limit: i64,
    },
    Memory {
        free: i64,
    },
    CpuCores {
        free: i64,
    },
    /// A storage that would serve a disk; `point` is `None` for the node's own folder.
    Storage {
        point: Option<i64>,
        kind: StorageKind,
        why: PoolRefusal,
    },
    Ipv4 {
        wanted: u32,
    },
}

impl Refusal {
    /// For people.
    pub fn sentence(self, name: &str) -> String {
        match self {
            Refusal::Disabled => format!("Hypervisor {name} is disabled."),
            Refusal::Maintenance => format!("Hypervisor {name} is in maintenance."),
            Refusal::Prohibit => format!("Hypervisor {name} takes no new servers."),
            Refusal::NotCommissioned => format!("Hypervisor {name} is not commissioned."),
            Refusal::NoNetwork => format!("Hypervisor {name} has no network."),
            Refusal::NetworkFails => {
                format!("Hypervisor {name} can't use its bridge of Open vSwitch now; its self-test says why.")
            }
            Refusal::Arch { wanted: AARCH64 } => format!("Hypervisor {name} has no aarch64 processors."),
            Refusal::Arch { .. } => format!("Hypervisor {name} has no x86_64 processors."),
            Refusal::StorageProfile { wanted } => {
                format!("Hypervisor {name} has no storage with the profile {wanted}.")
            }
            Refusal::Servers { used, limit } => format!("Hypervisor {name} has {used} of at most {limit} servers."),
            Refusal::Memory { free } => format!("Hypervisor {name} has {free} MB of memory free."),
            Refusal::CpuCores { free } => format!("Hypervisor {name} has {free} CPU cores free."),
            Refusal::Storage { point, kind, why } => why.sentence(name, point, kind),
            Refusal::Ipv4 { wanted } => {
                format!("The IP blocks of hypervisor {name} have fewer than {wanted} free IPv4 addresses.")
            }
        }
    }

    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Disabled => "disabled",
            Refusal::Maintenance => "maintenance",
            Refusal::Prohibit => "prohibit",
            Refusal::NotCommissioned => "notCommissioned",
            Refusal::NoNetwork => "noNetwork",
            Refusal::NetworkFails => "networkFails",
            Refusal::Arch { .. } => "arch",
            Refusal::StorageProfile { .. } => "storageProfile",
            Refusal::Servers { .. } => "servers",
            Refusal::Memory { .. } => "memory",
            Refusal::CpuCores { .. } => "cpuCores",
            Refusal::Storage { why, .. } => why.name(),
            Refusal::Ipv4 { .. } => "ipv4",
        }
    }
}

/// Every reason why a node can't take the server; none when it can.
pub fn refusals(node: &Node, wanted: &Wanted) -> impl Iterator<Item = Refusal> + use<> {
    let Limits { servers, memory_mib, cpu_cores, storage_gib: _ } = node.limits;
    let (used, demand) = (&node.allocated, wanted.demand);
    let full = |limit: i64, used: i64, wanted: i64| limit != 0 && used.saturating_add(wanted) > limit;
    let unless = |holds: bool, refusal: Refusal| (!holds).then_some(refusal);
    let when = |holds: bool, refusal: Refusal| holds.then_some(refusal);
    let serving = node.blocks.iter().filter(|block| block.serves(wanted.network_profile));
    let addresses: i64 = serving.map(|block| block.free).sum();
    let without_storage = assign(&node.pools, &wanted.disks).err().unwrap_or_default();
    let other_arch = wanted.arch.filter(|arch| node.arch.is_some_and(|has| has != *arch));
    [
        unless(node.enabled, Refusal::Disabled),
        when(node.maintenance, Refusal::Maintenance),
        when(node.prohibit, Refusal::Prohibit),
        unless(node.commissioned, Refusal::NotCommissioned),
        unless(node.has_network, Refusal::NoNetwork),
        unless(!node.has_network || node.network_works, Refusal::NetworkFails),
        other_arch.map(|wanted| Refusal::Arch { wanted }),
        when(full(servers, used.servers, 1), Refusal::Servers { used: used.servers, limit: servers }),
        when(
            full(memory_mib, used.memory_mib, demand.memory_mib),
            Refusal::Memory { free: free(memory_mib, used.memory_mib) },
        ),
        when(
            full(cpu_cores, used.cpu_cores, demand.cpu_cores),
            Refusal::CpuCores { free: free(cpu_cores, used.cpu_cores) },
        ),
        when(node.has_network && addresses < i64::from(wanted.ipv4), Refusal::Ipv4 { wanted: wanted.ipv4 }),
    ]
    .into_iter()
    .flatten()
    .chain(without_storage)
}

/// Every reason why a server on this node can't grow by that much. What it does not grow in is no reason, however full
/// the node is, and neither is whether the node or its storage takes new servers and disks. `point` is where the disk
/// that grows is; `None` is the node's own folder.
pub fn refusals_to_grow(node: &Node, more: Demand, point: Option<i64>) -> Vec<String> {
    let Limits { servers: _, memory_mib, cpu_cores, storage_gib: _ } = node.limits;
    let (name, used) = (&node.name, &node.allocated);
    let pool = node.pools.iter().find(|pool| pool.point == point).copied().unwrap_or(Pool::local(0, 0));
    let grows = [
        ("MB of memory", memory_mib, used.memory_mib, more.memory_mib),
        ("CPU cores", cpu_cores, used.cpu_cores, more.cpu_cores),
        ("GB of storage", pool.limit_gib, pool.allocated_gib, more.storage_gib),
    ];
    let too_much = grows
        .into_iter()
        .filter(|(_, limit, used, more)| *limit != 0 && *more > 0 && used.saturating_add(*more) > *limit);
    let sentence = |(what, limit, used, more)| {
        format!("Hypervisor {name} has {} {what} free, and {more} more are needed.", free(limit, used))
    };
    too_much.map(sentence).collect()
}

fn free(limit: i64, used: i64) -> i64 {
    (limit - used).max(0)
}

/// The lower, the better. A node without a limit counts as free without end, less what is used.
fn rank(node: &Node, wanted: &Wanted, distribution_type: i32) -> i64 {
    let Limits { servers, memory_mib, cpu_cores, storage_gib: _ } = node.limits;
    let (used, demand) = (&node.allocated, wanted.demand);
    let (storage_gib, storage_used_gib) = storage::serving(&node.pools, &wanted.disks);
    let left = |limit: i64, used: i64| if limit == 0 { i64::MAX / 4 - used } else { limit - used };
    match distribution_type {
        1 => used.servers,
        2 => -left(memory_mib, used.memory_mib),
        3 => -left(cpu_cores, used.cpu_cores),
        4 => -left(storage_gib, storage_used_gib),
        11 => left(memory_mib, used.memory_mib),
        12 => -used.servers,
        13 => 0,
        _ => [
            share(servers, used.servers + 1),
            share(memory_mib, used.memory_mib + demand.memory_mib),
            share(cpu_cores, used.cpu_cores + demand.cpu_cores),
            share(storage_gib, storage_used_gib + demand.storage_gib),
        ]
        .into_iter()
        .max()
        .unwrap_or(0),
    }
}

/// Millionths of the limit; where there is none, millionths of what no node has, so that fewer still rank first.
fn share(limit: i64, used: i64) -> i64 {
    const ENDLESS: i64 = 1 << 32;
    let limit = if limit == 0 { ENDLESS } else { limit };
    i64::try_from(i128::from(used) * 1_000_000_000 / i128::from(limit)).unwrap_or(i64::MAX)
}
