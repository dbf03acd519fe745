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
    /// Nodes whose own folder failed its newest self-test.
    pub failed: Vec<i64>,
}

impl Storage {
    pub async fn of_group(ctx: &Context, group_id: i64) -> Result<Self, StoreError> {
        let db = ctx.store.read();
        let (points, failed) = tokio::try_join!(
            storage_point::of_group(db, group_id),
            selftest::failed_on(db, group_id, selftest::DIRECTORY)
        )?;
        Ok(Self { points, failed })
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
            storage.failed.contains(&hypervisor.id),
        )
    };
    Ok(of.nodes.iter().map(node).collect())
}

/// A node as placement sees it, without its addresses. `storage_failed`: its own folder failed its newest test.
pub(super) fn as_node(
    row: &hypervisor::Model,
    has_network: bool,
    allocated: Allocated,
    points: &[point_entity::Model],
    storage_failed: bool,
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
        pools: Pool::of_node(row, points, &allocated, storage_failed),
        blocks: Vec::new(),
        limits: Limits::of(row),
        allocated,
    }
}
