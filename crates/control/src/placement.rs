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

use berth_store::server::Allocated;

/// What a new server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    pub memory_mib: i64,
    pub cpu_cores: i64,
    /// Of all its disks.
    pub storage_gib: i64,
}

/// 0 is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub servers: i64,
    pub memory_mib: i64,
    pub cpu_cores: i64,
    pub storage_gib: i64,
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

pub fn place(nodes: &[Node], demand: Demand, distribution_type: i32) -> Placement {
    let mut fitting = Vec::new();
    let mut reasons = Vec::new();
    for node in nodes {
        let against = refusals(node, demand);
        if against.is_empty() {
            fitting.push(node);
        }
        reasons.extend(against);
    }
    fitting.sort_by_key(|node| (rank(node, demand, distribution_type), node.id));
    Placement { order: fitting.iter().map(|node| node.id).collect(), reasons }
}

/// Every reason why a node can't take the server; none when it can.
pub fn refusals(node: &Node, demand: Demand) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut unless = |holds: bool, reason: String| {
        if !holds {
            reasons.push(reason);
        }
    };
    let name = &node.name;
    unless(node.enabled, format!("Hypervisor {name} is disabled."));
    unless(!node.maintenance, format!("Hypervisor {name} is in maintenance."));
    unless(!node.prohibit, format!("Hypervisor {name} takes no new servers."));
    unless(node.commissioned, format!("Hypervisor {name} is not commissioned."));
    unless(node.has_network, format!("Hypervisor {name} has no network."));
    let Limits { servers, memory_mib, cpu_cores, storage_gib } = node.limits;
    let used = node.allocated;
    let fits = |limit: i64, used: i64, wanted: i64| limit == 0 || used.saturating_add(wanted) <= limit;
    unless(
        fits(servers, used.servers, 1),
        format!("Hypervisor {name} has {} of at most {servers} servers.", used.servers),
    );
    unless(
        fits(memory_mib, used.memory_mib, demand.memory_mib),
        format!("Hypervisor {name} has {} MB of memory free.", free(memory_mib, used.memory_mib)),
    );
    unless(
        fits(cpu_cores, used.cpu_cores, demand.cpu_cores),
        format!("Hypervisor {name} has {} CPU cores free.", free(cpu_cores, used.cpu_cores)),
    );
    unless(
        fits(storage_gib, used.storage_gib, demand.storage_gib),
        format!("Hypervisor {name} has {} GB of storage free.", free(storage_gib, used.storage_gib)),
    );
    reasons
}

fn free(limit: i64, used: i64) -> i64 {
    (limit - used).max(0)
}

/// The lower, the better. A node without a limit counts as free without end, less what is used.
fn rank(node: &Node, demand: Demand, distribution_type: i32) -> i64 {
    let Limits { servers, memory_mib, cpu_cores, storage_gib } = node.limits;
    let used = node.allocated;
    let left = |limit: i64, used: i64| if limit == 0 { i64::MAX / 4 - used } else { limit - used };
    match distribution_type {
        1 => used.servers,
        2 => -left(memory_mib, used.memory_mib),
        3 => -left(cpu_cores, used.cpu_cores),
        4 => -left(storage_gib, used.storage_gib),
        11 => left(memory_mib, used.memory_mib),
        12 => -used.servers,
        13 => 0,
        _ => [
            share(servers, used.servers + 1),
            share(memory_mib, used.memory_mib + demand.memory_mib),
            share(cpu_cores, used.cpu_cores + demand.cpu_cores),
            share(storage_gib, used.storage_gib + demand.storage_gib),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Demand = Demand { memory_mib: 1024, cpu_cores: 1, storage_gib: 10 };

    fn node(id: i64) -> Node {
        Node {
            id,
            name: format!("hv{id}"),
            enabled: true,
            maintenance: false,
            prohibit: false,
            commissioned: true,
            has_network: true,
            limits: Limits { servers: 0, memory_mib: 16_384, cpu_cores: 16, storage_gib: 1000 },
            allocated: Allocated::default(),
        }
    }

    fn used(id: i64, servers: i64, memory_mib: i64, cpu_cores: i64, storage_gib: i64) -> Node {
        Node { allocated: Allocated { servers, memory_mib, cpu_cores, storage_gib }, ..node(id) }
    }

    #[test]
    fn each_distribution_type_picks_its_node() {
        let nodes = [used(1, 9, 2048, 8, 500), used(2, 2, 8192, 4, 600), used(3, 5, 4096, 2, 100)];
        let first = |code| place(&nodes, SMALL, code).order[0];
        assert_eq!([1, 2, 3, 4, 11, 12, 13].map(first), [2, 1, 3, 3, 2, 1, 1]);
        // Of memory, cores and storage, the third uses the least of what it uses most.
        assert_eq!((first(5), first(99)), (3, 3));
    }

    #[test]
    fn nodes_without_limits_are_balanced_by_what_is_on_them() {
        let endless = |id, memory| Node { limits: Limits::default(), ..used(id, 0, memory, 0, 0) };
        assert_eq!(place(&[endless(1, 4096), endless(2, 1024)], SMALL, 5).order, [2, 1]);
    }

    #[test]
    fn every_reason_of_every_node_is_told() {
        let closed = Node { enabled: false, maintenance: true, prohibit: true, commissioned: false, ..node(1) };
        let full = Node { has_network: false, ..used(2, 0, 16_384, 16, 1000) };
        let placement = place(&[closed, full], SMALL, 5);
        assert!(placement.order.is_empty());
        assert_eq!(placement.reasons.len(), 8, "{:?}", placement.reasons);
        assert!(placement.reasons.iter().any(|reason| reason == "Hypervisor hv2 has 0 MB of memory free."));
    }

    fn any_node() -> impl Strategy<Value = Node> {
        let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
        let limits = (0..5_i64, 0..5000_i64, 0..8_i64, 0..100_i64);
        let used = (0..5_i64, 0..5000_i64, 0..8_i64, 0..100_i64);
        (0..100_i64, flags, limits, used).prop_map(|(id, flags, limits, used)| Node {
            enabled: flags.0,
            maintenance: flags.1 && !flags.0,
            prohibit: flags.2 && !flags.0,
            commissioned: flags.3 || flags.0,
            limits: Limits { servers: limits.0, memory_mib: limits.1, cpu_cores: limits.2, storage_gib: limits.3 },
            allocated: Allocated { servers: used.0, memory_mib: used.1, cpu_cores: used.2, storage_gib: used.3 },
            ..node(id)
        })
    }

    proptest! {
        #[test]
        fn a_node_is_either_in_the_order_or_refused_and_no_limit_is_passed(
            nodes in proptest::collection::vec(any_node(), 0..8), code in 0..20, memory_mib in 1..6000_i64,
        ) {
            let demand = Demand { memory_mib, ..SMALL };
            let placement = place(&nodes, demand, code);
            let refused = nodes.iter().filter(|node| !refusals(node, demand).is_empty()).count();
            prop_assert_eq!(placement.order.len() + refused, nodes.len());
            prop_assert_eq!(refused == 0, placement.reasons.is_empty());
            for id in placement.order {
                let fits = nodes.iter().filter(|node| node.id == id).any(|node| {
                    let (limits, used) = (node.limits, node.allocated);
                    node.enabled && node.commissioned && !node.maintenance && !node.prohibit
                        && (limits.servers == 0 || used.servers < limits.servers)
                        && (limits.memory_mib == 0 || used.memory_mib + memory_mib <= limits.memory_mib)
                        && (limits.cpu_cores == 0 || used.cpu_cores + demand.cpu_cores <= limits.cpu_cores)
                        && (limits.storage_gib == 0 || used.storage_gib + demand.storage_gib <= limits.storage_gib)
                });
                prop_assert!(fits);
            }
        }

        #[test]
        fn the_order_does_not_depend_on_the_order_of_the_rows(
            nodes in proptest::collection::hash_map(0..50_i64, any_node(), 0..8), code in 0..20,
        ) {
            let mut nodes = nodes.into_iter().map(|(id, node)| Node { id, ..node }).collect::<Vec<_>>();
            let order = place(&nodes, SMALL, code).order;
            nodes.reverse();
            prop_assert_eq!(order, place(&nodes, SMALL, code).order);
        }
    }
}
