//! A server with everything that its whole object shows, in four statements however many servers are loaded.

mod read;

use std::{collections::HashMap, sync::LazyLock};

use sea_orm::{FromQueryResult, QueryResult, Value};

use self::read::{read_allocated, read_forward, read_key, read_passed, read_pending, read_point, read_rule, read_vlan};
use crate::{
    Db, Micros, StoreError,
    entity::{
        backup_plan, firewall_rule, hypervisor, hypervisor_group, hypervisor_network, interface_vlan, ip_block,
        ip_whitelist, ipv4_address, ipv6_subnet, iso, pending_action, port_forward, server, server_disk,
        server_interface, storage_point, template, user,
    },
    joined,
    server::Allocated,
};

#[derive(Clone, Debug)]
pub struct ServerDetails {
    pub server: server::Model,
    pub owner: user::Model,
    pub hypervisor: hypervisor::Model,
    pub group: hypervisor_group::Model,
    /// Of the last build.
    pub template: Option<template::Model>,
    /// In the drive, or to come.
    pub iso: Option<iso::Model>,
    pub backup_plan: Option<backup_plan::Model>,
    /// On the hypervisor.
    pub allocated: Allocated,
    /// Of the hypervisor, with what is allocated on them; its own folder is not among them.
    pub points: Vec<PointUse>,
    /// Whether the hypervisor's own folder takes disks.
    pub local_enabled: bool,
    /// By position.
    pub disks: Vec<server_disk::Model>,
    /// By position.
    pub interfaces: Vec<InterfaceDetails>,
    pub ssh_keys: Vec<BuiltKey>,
    /// Those that are not complete, oldest first.
    pub pending: Vec<pending_action::Model>,
    /// Names of its addresses: the address, and what it is called.
    pub names: Vec<(String, String)>,
    /// Ids of the users who accepted that it is shared with them, in the order of their shares.
    pub shared_with: Vec<i64>,
    /// Whether a job of the server is queued or running.
    pub working: bool,
}

#[derive(Clone, Debug)]
pub struct InterfaceDetails {
    pub interface: server_interface::Model,
    pub network: hypervisor_network::Model,
    pub ipv4: Vec<(ipv4_address::Model, ip_block::Model)>,
    pub ipv6: Vec<(ipv6_subnet::Model, ip_block::Model)>,
    /// What its filter lets through besides.
    pub whitelist: Vec<ip_whitelist::Model>,
    /// In the order in which they are judged; in force where the interface's firewall is on.
    pub firewall: Vec<firewall_rule::Model>,
    /// Ports of the node that lead to it.
    pub forwards: Vec<port_forward::Model>,
    /// By their numbers.
    pub vlans: Vec<interface_vlan::Model>,
}

impl InterfaceDetails {
    /// Without addresses.
    pub fn new(interface: server_interface::Model, network: hypervisor_network::Model) -> Self {
        let (ipv4, ipv6, whitelist) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            interface,
            network,
            ipv4,
            ipv6,
            whitelist,
            firewall: Vec::new(),
            forwards: Vec::new(),
            vlans: Vec::new(),
        }
    }
}

/// A storage point as servers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct PointUse {
    pub id: i64,
    pub name: String,
    pub kind: String,
    pub location: String,
    pub capacity_gib: i64,
    pub enabled: bool,
    pub allocated_gib: i64,
}

impl PointUse {
    pub fn of(row: &storage_point::Model, allocated: &Allocated) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            kind: row.kind.clone(),
            location: row.location.clone(),
            capacity_gib: row.capacity_gib,
            enabled: row.enabled,
            allocated_gib: allocated.on_point(row.id),
        }
    }
}

/// A key that the last build was given.
#[derive(Clone, Debug, PartialEq)]
pub struct BuiltKey {
    pub id: i64,
    pub user_id: i64,
    pub key_type: String,
    pub name: String,
    pub public_key: String,
    pub enabled: bool,
    pub created_at: Micros,
}

/// `None` where there is no such server, or it is being deleted.
pub async fn by_id(db: &impl Db, id: i64) -> Result<Option<ServerDetails>, StoreError> {
    let heads = joined::all(db, &HEAD_BY_ID, vec![id.into()]).await?;
    Ok(complete(db, heads).await?.pop())
}

/// Those of `ids` that are there, by id.
pub async fn by_ids(db: &impl Db, ids: &[i64]) -> Result<Vec<ServerDetails>, StoreError> {
    let condition = format!("s.id IN {} AND s.deleting = FALSE", joined::list_text(ids.len(), 1));
    let heads = joined::all(db, &head(&condition), joined::list_values(ids)).await?;
    complete(db, heads).await
}

/// All servers of a user, by id.
pub async fn of_owner(db: &impl Db, owner_id: i64) -> Result<Vec<ServerDetails>, StoreError> {
    let heads = joined::all(db, &HEAD_OF_OWNER, vec![owner_id.into()]).await?;
    complete(db, heads).await
}

static HEAD_BY_ID: LazyLock<String> = LazyLock::new(|| head("s.id = $1 AND s.deleting = FALSE"));
static HEAD_OF_OWNER: LazyLock<String> = LazyLock::new(|| head("s.owner_id = $1 AND s.deleting = FALSE"));

fn head(condition: &str) -> String {
    format!(
        "SELECT {}, {}, {}, {}, {}, {}, {}, EXISTS (SELECT 1 FROM jobs j WHERE j.server_id = s.id \
         AND j.state IN ('queued', 'running')) AS working \
         FROM servers s JOIN users u ON u.id = s.owner_id JOIN hypervisors h ON h.id = s.hypervisor_id \
         JOIN hypervisor_groups g ON g.id = h.group_id LEFT JOIN templates t ON t.id = s.template_id \
         LEFT JOIN isos o ON o.id = s.iso_id LEFT JOIN backup_plans p ON p.id = s.backup_plan_id \
         WHERE {condition} ORDER BY s.id",
        joined::columns::<server::Entity>("s", "s_"),
        joined::columns::<user::Entity>("u", "u_"),
        joined::columns::<hypervisor::Entity>("h", "h_"),
        joined::columns::<hypervisor_group::Entity>("g", "g_"),
        joined::columns::<template::Entity>("t", "t_"),
        joined::columns::<iso::Entity>("o", "o_"),
        joined::columns::<backup_plan::Entity>("p", "p_"),
    )
}

static INTERFACES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {}, {}, {}, {}, {} FROM server_interfaces i JOIN hypervisor_networks n ON n.id = i.network_id \
         LEFT JOIN ipv4_addresses a ON a.interface_id = i.id LEFT JOIN ip_blocks b ON b.id = a.block_id \
         LEFT JOIN ipv6_subnets v ON v.interface_id = i.id LEFT JOIN ip_blocks c ON c.id = v.block_id",
        joined::columns::<server_interface::Entity>("i", "i_"),
        joined::columns::<hypervisor_network::Entity>("n", "n_"),
        joined::columns::<ipv4_address::Entity>("a", "a_"),
        joined::columns::<ip_block::Entity>("b", "b_"),
        joined::columns::<ipv6_subnet::Entity>("v", "v_"),
        joined::columns::<ip_block::Entity>("c", "c_"),
    )
});

static DISKS: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM server_disks d", joined::columns::<server_disk::Entity>("d", "d_")));

/// Adds disks, interfaces with their addresses, and the small lists to rows of [`head`].
async fn complete(db: &impl Db, heads: Vec<QueryResult>) -> Result<Vec<ServerDetails>, StoreError> {
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let mut servers = heads.iter().map(read_head).collect::<Result<Vec<_>, _>>()?;
    let ids = servers.iter().map(|details| details.server.id).collect::<Vec<_>>();
    let place = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect::<HashMap<_, _>>();
    let list = joined::list_text(ids.len(), 1);

    let sql = format!(
        "{} WHERE i.server_id IN {list} ORDER BY i.server_id, i.position, a.position, a.id, v.position, v.id",
        *INTERFACES
    );
    for row in joined::all(db, &sql, joined::list_values(&ids)).await? {
        let interface = server_interface::Model::from_query_result(&row, "i_")?;
        if let Some(place) = place.get(&interface.server_id) {
            add_interface(&mut servers[*place].interfaces, interface, &row)?;
        }
    }

    let sql = format!("{} WHERE d.server_id IN {list} ORDER BY d.server_id, d.position", *DISKS);
    for row in joined::all(db, &sql, joined::list_values(&ids)).await? {
        let disk = server_disk::Model::from_query_result(&row, "d_")?;
        if let Some(place) = place.get(&disk.server_id) {
            servers[*place].disks.push(disk);
        }
    }
    add_small_lists(db, &mut servers, &ids, &place).await?;
    Ok(servers)
}

fn read_head(row: &QueryResult) -> Result<ServerDetails, StoreError> {
    let template = match row.try_get::<Option<i64>>("t_", "id")? {
        Some(_) => Some(template::Model::from_query_result(row, "t_")?),
        None => None,
    };
    let iso = match row.try_get::<Option<i64>>("o_", "id")? {
        Some(_) => Some(iso::Model::from_query_result(row, "o_")?),
        None => None,
    };
    let backup_plan = match row.try_get::<Option<i64>>("p_", "id")? {
        Some(_) => Some(backup_plan::Model::from_query_result(row, "p_")?),
        None => None,
    };
    Ok(ServerDetails {
        server: server::Model::from_query_result(row, "s_")?,
        owner: user::Model::from_query_result(row, "u_")?,
        hypervisor: hypervisor::Model::from_query_result(row, "h_")?,
        group: hypervisor_group::Model::from_query_result(row, "g_")?,
        template,
        iso,
        backup_plan,
        allocated: Allocated::default(),
        points: Vec::new(),
        local_enabled: true,
        disks: Vec::new(),
        interfaces: Vec::new(),
        ssh_keys: Vec::new(),
        pending: Vec::new(),
        names: Vec::new(),
        shared_with: Vec::new(),
        working: row.try_get("", "working")?,
    })
}

/// Rows of one interface follow each other, one for each pair of an IPv4 address and an IPv6 subnet (few have more
/// than one subnet, so the pairs are hardly more than the addresses).
fn add_interface(
    interfaces: &mut Vec<InterfaceDetails>,
    interface: server_interface::Model,
    row: &QueryResult,
) -> Result<(), StoreError> {
    if interfaces.last().is_none_or(|last| last.interface.id != interface.id) {
        let network = hypervisor_network::Model::from_query_result(row, "n_")?;
        interfaces.push(InterfaceDetails::new(interface, network));
    }
    let Some(last) = interfaces.last_mut() else { return Ok(()) };
    if let Some(id) = row.try_get::<Option<i64>>("a_", "id")?
        && last.ipv4.iter().all(|(address, _)| address.id != id)
    {
        let address = ipv4_address::Model::from_query_result(row, "a_")?;
        last.ipv4.push((address, ip_block::Model::from_query_result(row, "b_")?));
    }
    if let Some(id) = row.try_get::<Option<i64>>("v_", "id")?
        && last.ipv6.iter().all(|(subnet, _)| subnet.id != id)
    {
        let subnet = ipv6_subnet::Model::from_query_result(row, "v_")?;
        last.ipv6.push((subnet, ip_block::Model::from_query_result(row, "c_")?));
    }
    Ok(())
}

/// Keys, pending actions, what is allocated on the nodes and their storages, what filters let through, firewalls and port
/// forwards, names of addresses and guests of shares come in one statement: ten kinds of rows in columns that fit all.
async fn add_small_lists(
    db: &impl Db,
    servers: &mut [ServerDetails],
    ids: &[i64],
    place: &HashMap<i64, usize>,
) -> Result<(), StoreError> {
    let mut nodes = servers.iter().map(|details| details.hypervisor.id).collect::<Vec<_>>();
    nodes.sort_unstable();
    nodes.dedup();
    let server_values = joined::list_values(ids);
    let sql = small_lists(&joined::list_text(ids.len(), 1), &joined::list_text(nodes.len(), server_values.len() + 1));
    let values = server_values.into_iter().chain(joined::list_values(&nodes)).collect::<Vec<Value>>();
    let mut nodes_have: HashMap<i64, NodeHas> = HashMap::new();
    for row in joined::all(db, &sql, values).await? {
        let of: i64 = row.try_get("", "holder")?;
        match (row.try_get::<i32>("", "kind")?, place.get(&of)) {
            (KEY, Some(place)) => servers[*place].ssh_keys.push(read_key(&row)?),
            (NAME, Some(place)) => {
                servers[*place].names.push((row.try_get("", "t1")?, row.try_get("", "t2")?));
            }
            (SHARE, Some(place)) => servers[*place].shared_with.push(row.try_get("", "n1")?),
            (PENDING, Some(place)) => servers[*place].pending.push(read_pending(&row, of)?),
            (kind @ (PASSED | RULE | FORWARD | VLAN), Some(place)) => {
                let id: i64 = row.try_get("", "n1")?;
                let Some(of) = servers[*place].interfaces.iter_mut().find(|of| of.interface.id == id) else { continue };
                match kind {
                    PASSED => of.whitelist.push(read_passed(&row)?),
                    RULE => of.firewall.push(read_rule(&row)?),
                    VLAN => of.vlans.push(read_vlan(&row)?),
                    _ => of.forwards.push(read_forward(&row)?),
                }
            }
            (NODE, _) => {
                let has = nodes_have.entry(of).or_default();
                (has.allocated, has.local_enabled) = (read_allocated(&row)?, row.try_get("", "f1")?);
            }
            (POINT, _) => nodes_have.entry(of).or_default().add(read_point(&row)?),
            _ => {}
        }
    }
    for details in servers {
        let NodeHas { allocated, points, local_enabled } =
            nodes_have.get(&details.hypervisor.id).cloned().unwrap_or_default();
        (details.allocated, details.points, details.local_enabled) = (allocated, points, local_enabled);
    }
    Ok(())
}

/// What is known of a node besides its row.
#[derive(Clone, Default)]
struct NodeHas {
    allocated: Allocated,
    points: Vec<PointUse>,
    local_enabled: bool,
}

impl NodeHas {
    fn add(&mut self, point: PointUse) {
        if point.allocated_gib > 0 {
            self.allocated.points.push((point.id, point.allocated_gib));
        }
        self.points.push(point);
    }
}

const KEY: i32 = 1;
const PENDING: i32 = 2;
const NODE: i32 = 3;
const PASSED: i32 = 4;
const RULE: i32 = 5;
const NAME: i32 = 6;
const POINT: i32 = 7;
const FORWARD: i32 = 8;
const VLAN: i32 = 9;
const SHARE: i32 = 10;

fn small_lists(servers: &str, nodes: &str) -> String {
    format!(
        "SELECT {KEY} AS kind, l.server_id AS holder, l.position AS sorted, k.id AS id, k.user_id AS n1, \
         k.created_at AS n2, 0 AS n3, 0 AS n4, k.key_type AS t1, k.name AS t2, k.public_key AS t3, \
         '' AS t4, k.enabled AS f1, FALSE AS f2, FALSE AS f3 \
         FROM server_ssh_keys l JOIN ssh_keys k ON k.id = l.ssh_key_id WHERE l.server_id IN {servers} \
         UNION ALL \
         SELECT {PENDING}, p.server_id, 0, p.id, p.created_at, p.updated_at, p.generation, 0, p.action, \
         CAST(p.requires AS TEXT), CAST(p.payload AS TEXT), p.waits_for, p.collected, p.complete, p.failed \
         FROM pending_actions p WHERE p.server_id IN {servers} AND p.complete = FALSE \
         UNION ALL \
         SELECT {NODE}, h.id, 0, 0, (SELECT COUNT(*) FROM servers x WHERE x.hypervisor_id = h.id), \
         (SELECT CAST(COALESCE(SUM(x.memory_mib), 0) AS BIGINT) FROM servers x WHERE x.hypervisor_id = h.id), \
         (SELECT CAST(COALESCE(SUM(x.cpu_cores), 0) AS BIGINT) FROM servers x WHERE x.hypervisor_id = h.id), \
         (SELECT CAST(COALESCE(SUM(d.capacity_gib), 0) AS BIGINT) FROM servers x \
         JOIN server_disks d ON d.server_id = x.id WHERE x.hypervisor_id = h.id AND d.storage_point_id IS NULL), \
         '', '', '', '', COALESCE((SELECT p.enabled FROM storage_points p WHERE p.hypervisor_id = h.id AND p.is_local), \
         TRUE), FALSE, FALSE FROM hypervisors h WHERE h.id IN {nodes} \
         UNION ALL \
         SELECT {PASSED}, i.server_id, 0, w.id, w.interface_id, w.created_at, w.family, w.prefix_len, w.address, \
         '', '', '', FALSE, FALSE, FALSE FROM ip_whitelist w JOIN server_interfaces i ON i.id = w.interface_id \
         WHERE i.server_id IN {servers} \
         UNION ALL \
         SELECT {RULE}, i.server_id, r.priority, r.id, r.interface_id, r.created_at, r.family, r.protocol, r.source, \
         r.destination, r.source_ports || ' ' || r.destination_ports, '', r.inbound, r.accept, FALSE \
         FROM firewall_rules r JOIN server_interfaces i ON i.id = r.interface_id WHERE i.server_id IN {servers} \
         UNION ALL \
         SELECT {NAME}, n.server_id, 0, n.id, 0, 0, 0, 0, n.address, n.ptr, '', '', FALSE, FALSE, FALSE \
         FROM ptr_records n WHERE n.server_id IN {servers} AND n.ptr IS NOT NULL \
         UNION ALL \
         SELECT {POINT}, p.hypervisor_id, 0, p.id, p.capacity_gib, (SELECT CAST(COALESCE(SUM(d.capacity_gib), 0) AS \
         BIGINT) FROM server_disks d WHERE d.storage_point_id = p.id), 0, 0, p.name, p.kind, p.location, '', p.enabled, \
         FALSE, FALSE FROM storage_points p WHERE p.hypervisor_id IN {nodes} AND NOT p.is_local \
         UNION ALL \
         SELECT {FORWARD}, i.server_id, 0, p.id, p.interface_id, p.created_at, p.public_port, p.port, p.protocol, \
         CAST(p.address AS TEXT), CAST(p.hypervisor_id AS TEXT), '', FALSE, FALSE, FALSE FROM port_forwards p \
         JOIN server_interfaces i ON i.id = p.interface_id WHERE i.server_id IN {servers} \
         UNION ALL \
         SELECT {VLAN}, i.server_id, v.vlan, v.id, v.interface_id, v.created_at, 0, 0, v.native_mode, '', '', '', v.trunk, \
         FALSE, FALSE FROM interface_vlans v JOIN server_interfaces i ON i.id = v.interface_id \
         WHERE i.server_id IN {servers} \
         UNION ALL \
         SELECT {SHARE}, h.server_id, 0, h.id, h.guest_id, h.created_at, 0, 0, '', '', '', '', FALSE, FALSE, FALSE \
         FROM server_shares h WHERE h.server_id IN {servers} AND h.guest_id IS NOT NULL \
         ORDER BY 1, 2, 3, 4"
    )
}
