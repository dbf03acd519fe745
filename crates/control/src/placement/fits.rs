//! How many more servers of one kind fit on the nodes of a group. They are placed one after the other as creates
//! would be, so the answer is what will happen, shared blocks of addresses included.

use super::{Block, Node, Refusal, Wanted, rank, refusals, storage};

/// How many fit on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    pub id: i64,
    pub fits: u64,
    /// Why the next one does not; empty where counting stopped before.
    pub then: Vec<Refusal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fits {
    pub total: u64,
    /// Counting stopped here, and at least one more fits.
    pub more: bool,
    /// In the order of the nodes.
    pub nodes: Vec<Fit>,
}

/// Counts up to `most`.
pub fn fits(nodes: &[Node], wanted: &Wanted, distribution_type: i32, most: u64) -> Fits {
    let mut nodes = nodes.to_vec();
    let mut placed = vec![0; nodes.len()];
    let mut total = 0;
    let mut next = best(&nodes, wanted, distribution_type);
    while let Some(at) = next.filter(|_| total < most) {
        take(&mut nodes, at, wanted);
        placed[at] += 1;
        total += 1;
        next = best(&nodes, wanted, distribution_type);
    }
    let fit = |(node, fits): (&Node, u64)| Fit { id: node.id, fits, then: refusals(node, wanted).collect() };
    Fits { total, more: next.is_some(), nodes: nodes.iter().zip(placed).map(fit).collect() }
}

/// The place of the node that the next server goes to: the first of [`super::place`]'s order.
fn best(nodes: &[Node], wanted: &Wanted, distribution_type: i32) -> Option<usize> {
    let fitting = nodes.iter().enumerate().filter(|(_, node)| refusals(node, wanted).next().is_none());
    fitting.min_by_key(|(_, node)| (rank(node, wanted, distribution_type), node.id)).map(|(at, _)| at)
}

/// A server goes to this node, and its addresses come from the node's blocks in their order.
fn take(nodes: &mut [Node], at: usize, wanted: &Wanted) {
    let allocated = &mut nodes[at].allocated;
    allocated.servers += 1;
    allocated.memory_mib += wanted.demand.memory_mib;
    allocated.cpu_cores += wanted.demand.cpu_cores;
    storage::take(&mut nodes[at].pools, &wanted.disks);
    let mut missing = i64::from(wanted.ipv4);
    for Block { id, free, .. } in nodes[at].blocks.clone().into_iter().filter(|b| b.serves(wanted.network_profile)) {
        let taken = missing.min(free);
        missing -= taken;
        for block in nodes.iter_mut().flat_map(|node| &mut node.blocks).filter(|block| block.id == id) {
            block.free -= taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use berth_proto::StorageKind;
    use berth_store::server::Allocated;
    use proptest::prelude::*;

    use super::*;
    use crate::placement::{Demand, DiskWanted, Limits, Pool, place};

    fn node(id: i64, limits: Limits, blocks: &[i64], free: i64) -> Node {
        Node {
            id,
            name: format!("hv{id}"),
            enabled: true,
            maintenance: false,
            prohibit: false,
            commissioned: true,
            has_network: true,
            network_works: true,
            arch: None,
            pools: vec![Pool::local(limits.storage_gib, 0)],
            blocks: blocks.iter().map(|id| Block { id: *id, network_profile: 0, free }).collect(),
            limits,
            allocated: Allocated::default(),
        }
    }

    fn wanted(memory_mib: i64, ipv4: u32) -> Wanted {
        let demand = Demand { memory_mib, cpu_cores: 1, storage_gib: 10 };
        Wanted { demand, disks: vec![DiskWanted { gib: 10, profile: 0 }], ipv4, ..Wanted::default() }
    }

    #[test]
    fn each_node_tells_what_limits_it() {
        let memory = node(1, Limits { memory_mib: 2500, ..Limits::default() }, &[1], 100);
        let cores = node(2, Limits { cpu_cores: 3, ..Limits::default() }, &[1], 100);
        let closed = Node { prohibit: true, ..node(3, Limits::default(), &[1], 100) };
        let counted = fits(&[memory, cores, closed], &wanted(1000, 1), 5, 1000);
        assert_eq!((counted.total, counted.more), (5, false));
        let told: Vec<_> = counted.nodes.iter().map(|fit| (fit.fits, fit.then.clone())).collect();
        assert_eq!(told[0], (2, vec![Refusal::Memory { free: 500 }]));
        assert_eq!(told[1], (3, vec![Refusal::CpuCores { free: 0 }]));
        assert_eq!(told[2], (0, vec![Refusal::Prohibit]));
    }

    #[test]
    fn a_block_that_two_nodes_share_is_counted_once() {
        let shared = |id| node(id, Limits::default(), &[7], 5);
        let counted = fits(&[shared(1), shared(2)], &wanted(1000, 2), 1, 1000);
        assert_eq!((counted.total, counted.nodes[0].fits, counted.nodes[1].fits), (2, 1, 1));
        assert!(counted.nodes.iter().all(|fit| fit.then == [Refusal::Ipv4 { wanted: 2 }]));
    }

    #[test]
    fn what_has_no_end_is_counted_so_far_and_no_further() {
        let counted = fits(&[node(1, Limits::default(), &[], 0)], &wanted(1000, 0), 5, 50);
        assert_eq!((counted.total, counted.more), (50, true));
        assert!(counted.nodes[0].then.is_empty());
    }

    fn any_nodes() -> impl Strategy<Value = Vec<Node>> {
        let one = (0..6_i64, 0..6000_i64, 0..12_i64, proptest::collection::vec(1..4_i64, 0..3));
        let nodes = proptest::collection::vec(one, 0..5);
        (nodes, proptest::collection::vec(0..9_i64, 4)).prop_map(|(nodes, free)| {
            let whole = |(id, (servers, memory_mib, cpu_cores, blocks)): (i64, (i64, i64, i64, Vec<i64>))| {
                let mut blocks = blocks;
                blocks.sort_unstable();
                blocks.dedup();
                let mut node = node(id, Limits { servers, memory_mib, cpu_cores, storage_gib: 60 }, &blocks, 0);
                node.blocks.iter_mut().for_each(|block| block.free = free[usize::try_from(block.id).unwrap()]);
                let point = |n: i64, kind, limit| Pool {
                    point: Some(id * 10 + n),
                    kind,
                    tested: Some(id % 4 != 0),
                    above_threshold: id % 5 == 0,
                    ..Pool::local(limit, n)
                };
                node.pools.push(point(1, StorageKind::Zfs, 25 * id));
                node.pools.push(point(2, StorageKind::Mountpoint, 90));
                node
            };
            (1..).zip(nodes).map(whole).collect()
        })
    }

    proptest! {
        /// Creates one server after the other as the control server does, and counts for itself.
        #[test]
        fn as_many_as_are_told_can_be_placed_and_the_next_is_refused(
            mut nodes in any_nodes(), code in 0..20, memory_mib in 1..3000_i64, ipv4 in 0..3_u32,
            more in proptest::collection::vec((1..20_i64, 0..7_i32), 0..3),
        ) {
            let mut wanted = wanted(memory_mib, ipv4);
            wanted.disks.extend(more.into_iter().map(|(gib, profile)| DiskWanted { gib, profile }));
            wanted.demand.storage_gib = wanted.disks.iter().map(|disk| disk.gib).sum();
            let counted = fits(&nodes, &wanted, code, 10_000);
            prop_assert!(!counted.more);
            let mut placed: HashMap<i64, u64> = HashMap::new();
            for _ in 0..counted.total {
                let order = place(&nodes, &wanted, code).order;
                prop_assert!(!order.is_empty(), "fewer fit than was told");
                *placed.entry(order[0]).or_default() += 1;
                let at = nodes.iter().position(|node| node.id == order[0]).unwrap();
                take(&mut nodes, at, &wanted);
            }
            prop_assert!(place(&nodes, &wanted, code).order.is_empty(), "more fit than was told");
            for fit in counted.nodes {
                prop_assert_eq!(fit.fits, placed.get(&fit.id).copied().unwrap_or(0));
                prop_assert!(!fit.then.is_empty());
            }
            prop_assert!(nodes.iter().flat_map(|node| &node.blocks).all(|block| block.free >= 0));
        }
    }
}
