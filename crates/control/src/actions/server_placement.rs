//! Nodes as placement sees them: rows, what is allocated, and what is known of their storages.

use berth_store::{
    StoreError,
    entity::{hypervisor, ip_block, storage_point as point_entity},
    hypervisor as hypervisors,
    placement::{Candidate, Candidates},
    selftest,
    server::{self, Allocated},
    storage_point,
};

use super::hypervisor_networks::is_usable;
use crate::{
    Context, Error,
    placement::{self, Block, Limits, Node, Pool},
};

/// What is known of the storages of a group's nodes.
#[derive(Default)]
pub struct Storage {
    /// Node by node.
    pub points: Vec<point_entity::Model>,
    /// Nodes whose own folder was tested, and whether it passed its newest self-test.
    pub tested: Vec<(i64, bool)>,
}

impl Storage {
    pub async fn of_group(ctx: &Context, group_id: i64) -> Result<Self, StoreError> {
        let db = ctx.store.read();
        let (points, tested) = tokio::try_join!(
            storage_point::of_group(db, group_id),
            selftest::tested_on(db, group_id, selftest::DIRECTORY)
        )?;
        Ok(Self { points, tested })
    }

    /// What the newest self-test of a node's own folder found; nothing before the first.
    pub fn local_tested(&self, hypervisor_id: i64) -> Option<bool> {
        self.tested.iter().find(|(id, _)| *id == hypervisor_id).map(|(_, passed)| *passed)
    }

    pub fn of_node(&self, hypervisor_id: i64) -> &[point_entity::Model] {
        let first = self.points.partition_point(|point| point.hypervisor_id < hypervisor_id);
        let len = self.points[first..].partition_point(|point| point.hypervisor_id == hypervisor_id);
        &self.points[first..first + len]
    }
}

/// Nodes of a group as placement sees them, with what is allocated and the addresses that are free.
pub async fn nodes_of(
    ctx: &Context,
    of: &Candidates,
    free_ipv4: &[(i64, i64)],
    storage: &Storage,
) -> Result<Vec<Node>, Error> {
    let known = |row: &hypervisor::Model| ctx.capacity.at(row.id, row.capacity_version);
    let stale = of.nodes.iter().map(|node| &node.hypervisor).filter(|row| known(row).is_none()).map(|row| row.id);
    let stale = stale.collect::<Vec<_>>();
    let sums = if stale.is_empty() { Vec::new() } else { server::allocated(ctx.store.read(), &stale).await? };
    let sum = |row: &hypervisor::Model| {
        let summed = || sums.iter().find(|(id, _)| *id == row.id).map(|(_, sum)| sum.clone());
        known(row).or_else(summed).unwrap_or_default()
    };
    let free = |id: i64| free_ipv4.iter().find(|(block, _)| *block == id).map_or(0, |(_, free)| *free);
    let block = |row: &ip_block::Model| Block { id: row.id, network_profile: row.network_profile, free: free(row.id) };
    let node = |Candidate { hypervisor, network, blocks }: &Candidate| Node {
        network_works: network.as_ref().is_none_or(|network| is_usable(hypervisor, network)),
        blocks: blocks.iter().filter(|block| block.family == 4).map(block).collect(),
        ..as_node(
            hypervisor,
            network.is_some(),
            sum(hypervisor),
            storage.of_node(hypervisor.id),
            storage.local_tested(hypervisor.id),
        )
    };
    Ok(of.nodes.iter().map(node).collect())
}

/// A node as placement sees it, without its addresses. `local_tested`: what the newest test of its own folder found.
pub(super) fn as_node(
    row: &hypervisor::Model,
    has_network: bool,
    allocated: Allocated,
    points: &[point_entity::Model],
    local_tested: Option<bool>,
) -> Node {
    Node {
        id: row.id,
        name: row.name.clone(),
        enabled: row.enabled,
        maintenance: row.maintenance,
        prohibit: row.prohibit,
        commissioned: row.commissioned == hypervisors::COMMISSIONED,
        has_network,
        network_works: true,
        arch: placement::arch(row),
        pools: Pool::of_node(row, points, &allocated, local_tested),
        blocks: Vec::new(),
        limits: Limits::of(row),
        allocated,
    }
}
