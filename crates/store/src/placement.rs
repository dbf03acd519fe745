//! What placement is decided from: the nodes of a group with their networks and the blocks that are bound to them.

use std::sync::LazyLock;

use sea_orm::{EntityTrait, FromQueryResult};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{hypervisor, hypervisor_group, hypervisor_network, ip_block, package},
    ip_block_binding, ip_block_group, joined, server,
};

#[derive(Clone, Debug)]
pub struct Candidates {
    pub group: hypervisor_group::Model,
    /// By id.
    pub nodes: Vec<Candidate>,
}

#[derive(Clone, Debug)]
pub struct Candidate {
    pub hypervisor: hypervisor::Model,
    /// The default one.
    pub network: Option<hypervisor_network::Model>,
    /// Enabled ones that serve the network, in the order in which they give addresses.
    pub blocks: Vec<ip_block::Model>,
}

static CANDIDATES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {}, {}, {} FROM hypervisor_groups g LEFT JOIN hypervisors h ON h.group_id = g.id \
         LEFT JOIN hypervisor_networks n ON n.hypervisor_id = h.id AND n.is_default = TRUE \
         LEFT JOIN ip_block_bindings l ON l.network_id = n.id \
         LEFT JOIN ip_blocks b ON b.id = l.block_id AND b.enabled = TRUE \
         WHERE g.id = $1 ORDER BY h.id, n.id, l.position, l.id",
        joined::columns::<hypervisor_group::Entity>("g", "g_"),
        joined::columns::<hypervisor::Entity>("h", "h_"),
        joined::columns::<hypervisor_network::Entity>("n", "n_"),
        joined::columns::<ip_block::Entity>("b", "b_"),
    )
});

/// `None` where there is no such group.
pub async fn candidates(db: &impl Db, group_id: i64) -> Result<Option<Candidates>, StoreError> {
    let rows = joined::all(db, &CANDIDATES, vec![group_id.into()]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let group = hypervisor_group::Model::from_query_result(first, "g_")?;
    let mut nodes: Vec<Candidate> = Vec::new();
    for row in &rows {
        let Some(id) = row.try_get::<Option<i64>>("h_", "id")? else { continue };
        if nodes.last().is_none_or(|last| last.hypervisor.id != id) {
            let network = match row.try_get::<Option<i64>>("n_", "id")? {
                Some(_) => Some(hypervisor_network::Model::from_query_result(row, "n_")?),
                None => None,
            };
            let hypervisor = hypervisor::Model::from_query_result(row, "h_")?;
            nodes.push(Candidate { hypervisor, network, blocks: Vec::new() });
        }
        if let Some(last) = nodes.last_mut()
            && row.try_get::<Option<i64>>("n_", "id")? == last.network.as_ref().map(|network| network.id)
            && row.try_get::<Option<i64>>("b_", "id")?.is_some()
        {
            last.blocks.push(ip_block::Model::from_query_result(row, "b_")?);
        }
    }
    serve_by_groups(db, &mut nodes).await?;
    Ok(Some(Candidates { group, nodes }))
}

/// Blocks of the networks' groups come after those that are bound. Asks nothing where no network has a group.
async fn serve_by_groups(db: &impl Db, nodes: &mut [Candidate]) -> Result<(), StoreError> {
    let group_of = |node: &Candidate| node.network.as_ref().and_then(|network| network.ip_block_group_id);
    let mut groups: Vec<i64> = nodes.iter().filter_map(group_of).collect();
    groups.sort_unstable();
    groups.dedup();
    let members = ip_block_group::blocks(db, &groups).await?;
    for node in nodes {
        let Some(group) = group_of(node) else { continue };
        let own = members.iter().filter(|(of, _)| *of == group).map(|(_, block)| block.clone());
        ip_block_binding::follow(&mut node.blocks, own);
    }
    Ok(())
}

/// Addresses that the IPv4 blocks which serve a group's nodes can give: free at least since `rested_since`, counting no
/// further than `enough` in each.
pub async fn free_ipv4(
    db: &impl Db,
    group_id: i64,
    rested_since: Micros,
    enough: u32,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = format!(
        "SELECT b.id AS block_id, (SELECT COUNT(*) FROM (SELECT 1 FROM ipv4_addresses a WHERE a.block_id = b.id \
         AND a.interface_id IS NULL AND NOT a.reserved AND a.free_since <= $2 LIMIT {enough}) t) AS free FROM ip_blocks b \
         WHERE b.family = 4 AND b.id IN (SELECT l.block_id FROM ip_block_bindings l \
         JOIN hypervisor_networks n ON n.id = l.network_id JOIN hypervisors h ON h.id = n.hypervisor_id \
         WHERE h.group_id = $1 UNION SELECT m.block_id FROM ip_block_group_members m \
         JOIN hypervisor_networks n ON n.ip_block_group_id = m.group_id JOIN hypervisors h ON h.id = n.hypervisor_id \
         WHERE h.group_id = $1)"
    );
    let rows = joined::all(db, &sql, vec![group_id.into(), rested_since.into()]).await?;
    let read = |row: &sea_orm::QueryResult| Ok((row.try_get("", "block_id")?, row.try_get("", "free")?));
    rows.iter().map(read).collect()
}

/// What a server is made from where the order says nothing else.
pub async fn package(db: &impl Db, id: i64) -> Result<Option<package::Model>, StoreError> {
    Ok(package::Entity::find_by_id(id).one(db).await?)
}

/// Locks a node until the transaction ends, so that capacity that is then summed stays what it is. Answers the row
/// with its version bumped, and the next user id that no guest of the node runs under.
pub async fn lock(tx: &Tx, hypervisor_id: i64) -> Result<Option<(hypervisor::Model, i64)>, StoreError> {
    let Some(row) = joined::one(tx, &LOCK, vec![hypervisor_id.into()]).await? else { return Ok(None) };
    let highest: i64 = row.try_get("", "highest_uid")?;
    let next = std::cmp::max(server::FIRST_RUN_AS_UID, highest + 1);
    Ok(Some((hypervisor::Model::from_query_result(&row, "")?, next)))
}

static LOCK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE hypervisors SET capacity_version = capacity_version + 1 WHERE id = $1 RETURNING {}, \
         (SELECT COALESCE(MAX(s.run_as_uid), 0) FROM servers s WHERE s.hypervisor_id = $1) AS highest_uid",
        joined::columns::<hypervisor::Entity>("hypervisors", "")
    )
});
