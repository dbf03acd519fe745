//! Creating a server: placed on a node of a group, with its disks, its primary interface and its addresses.

use std::sync::Arc;

use berth_api::v1::server_input::CreateServer;
use berth_store::{
    Micros, StoreError, Tx, audit,
    entity::{hypervisor, hypervisor_network, ip_block, ipv4_address, ipv6_subnet, pending_action, user},
    hypervisor as hypervisors, ipv4_address as ipv4_addresses, ipv6_subnet as ipv6_subnets, pending_action as pending,
    placement::{Candidate, Candidates, candidates, package},
    server::{self, Allocated, NewServer},
    server_details::{InterfaceDetails, ServerDetails},
    server_disk, server_interface, user as users,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    entry,
    server_order::{Order, Plan},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    ipam,
    placement::{self, Limits, Node},
};

/// How often a tag or a MAC address that is taken is drawn again.
const DRAWS: u32 = 5;
/// 52:54:00 is QEMU's.
const MAC_PREFIX: &str = "52:54:00";
/// Tags have ten digits.
const TAGS: std::ops::Range<u64> = 1_000_000_000..10_000_000_000;

/// Everything that is known before a transaction begins.
struct Prepared {
    order: Order,
    plan: Plan,
    owner: user::Model,
    candidates: Candidates,
    backup_plan_id: Option<i64>,
}

/// Creates the server; answers it whole.
pub async fn create(ctx: &Context, actor: &Actor, input: CreateServer) -> Result<ServerDetails, Error> {
    actor.require(Ability::Write)?;
    let prepared = Arc::new(prepare(ctx, input).await?);
    let (order, mut reasons) = order_of_nodes(ctx, &prepared).await?;
    for id in order {
        let Some(node) = prepared.candidates.nodes.iter().find(|node| node.hypervisor.id == id) else { continue };
        match create_on(ctx, actor, &prepared, node).await {
            // The node filled up meanwhile, or has no addresses left: perhaps the next one has.
            Err(Error::Invalid(against)) => reasons.extend(against),
            outcome => return outcome,
        }
    }
    Err(Error::Invalid(reasons))
}

/// Whether [`create`] would succeed now; if not, every reason.
pub async fn dry_run(ctx: &Context, actor: &Actor, input: CreateServer) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let prepared = prepare(ctx, input).await?;
    let (order, mut reasons) = order_of_nodes(ctx, &prepared).await?;
    let wanted = prepared.order.ipv4;
    for id in order {
        let Some(node) = prepared.candidates.nodes.iter().find(|node| node.hypervisor.id == id) else { continue };
        let blocks = blocks(node, prepared.plan.network_profile, 4).map(|block| block.id).collect::<Vec<_>>();
        if ipv4_addresses::free(ctx.store.read(), &blocks, wanted).await? >= i64::from(wanted) {
            return Ok(());
        }
        reasons.push(too_few_addresses(&node.hypervisor.name, wanted));
    }
    Err(Error::Invalid(reasons))
}

async fn prepare(ctx: &Context, input: CreateServer) -> Result<Prepared, Error> {
    let order = Order::check(input).map_err(Error::Invalid)?;
    let db = ctx.store.read();
    let (package, owner, candidates) = tokio::try_join!(
        package(db, order.package_id),
        users::by_id(db, order.user_id),
        candidates(db, order.group_id)
    )?;
    let mut errors = Vec::new();
    if !package.as_ref().is_some_and(|package| package.enabled) {
        errors.push("Invalid or disabled package".to_owned());
    }
    match &owner {
        None => errors.push("Invalid user".to_owned()),
        Some(owner) if owner.suspended => errors.push("The user is suspended.".to_owned()),
        Some(_) => {}
    }
    if !candidates.as_ref().is_some_and(|candidates| candidates.group.enabled) {
        errors.push("Invalid or disabled hypervisor group".to_owned());
    }
    let (Some(package), Some(owner), Some(candidates), true) = (package, owner, candidates, errors.is_empty()) else {
        return Err(Error::Invalid(errors));
    };
    let plan = order.plan(&package, ctx.rng.as_ref()).map_err(Error::Invalid)?;
    let backup_plan_id = Some(package.backup_plan_id).filter(|id| *id > 0);
    Ok(Prepared { order, plan, owner, candidates, backup_plan_id })
}

/// Nodes that can take the server, the best first, and why the others can't.
async fn order_of_nodes(ctx: &Context, prepared: &Prepared) -> Result<(Vec<i64>, Vec<String>), Error> {
    let nodes = &prepared.candidates.nodes;
    let known = |row: &hypervisor::Model| ctx.capacity.at(row.id, row.capacity_version);
    let stale = nodes.iter().map(|node| &node.hypervisor).filter(|row| known(row).is_none()).map(|row| row.id);
    let stale = stale.collect::<Vec<_>>();
    let sums = if stale.is_empty() { Vec::new() } else { server::allocated(ctx.store.read(), &stale).await? };
    let sum = |row: &hypervisor::Model| {
        let summed = || sums.iter().find(|(id, _)| *id == row.id).map(|(_, sum)| *sum);
        known(row).or_else(summed).unwrap_or_default()
    };
    let nodes = nodes.iter().map(|node| as_node(&node.hypervisor, node.network.is_some(), sum(&node.hypervisor)));
    let group = &prepared.candidates.group;
    let nodes = nodes.collect::<Vec<_>>();
    let placed = placement::place(&nodes, prepared.plan.demand(), group.distribution_type);
    let mut reasons = placed.reasons;
    if nodes.is_empty() {
        reasons.push(format!("Hypervisor group {} has no hypervisors.", group.name));
    }
    Ok((placed.order, reasons))
}

fn as_node(row: &hypervisor::Model, has_network: bool, allocated: Allocated) -> Node {
    Node {
        id: row.id,
        name: row.name.clone(),
        enabled: row.enabled,
        maintenance: row.maintenance,
        prohibit: row.prohibit,
        commissioned: row.commissioned == hypervisors::COMMISSIONED,
        has_network,
        limits: Limits {
            servers: row.max_servers,
            memory_mib: row.max_memory_mib,
            cpu_cores: row.max_cpu,
            storage_gib: row.max_storage_gib,
        },
        allocated,
    }
}

/// Blocks of the node that may serve a network profile (0 is any), in order.
pub fn blocks(node: &Candidate, network_profile: i32, family: i32) -> impl Iterator<Item = &ip_block::Model> {
    let serves = move |block: &&ip_block::Model| {
        block.family == family && (network_profile == 0 || block.network_profile == network_profile)
    };
    node.blocks.iter().filter(serves)
}

fn too_few_addresses(node: &str, wanted: u32) -> String {
    format!("The IP blocks of hypervisor {node} have fewer than {wanted} free IPv4 addresses.")
}

async fn create_on(
    ctx: &Context,
    actor: &Actor,
    prepared: &Arc<Prepared>,
    node: &Candidate,
) -> Result<ServerDetails, Error> {
    let Some(network) = node.network.clone() else { return Err(Error::Invalid(Vec::new())) };
    for draw in 1.. {
        let work = Arc::new(Work {
            ctx: ctx.clone(),
            actor: actor.clone(),
            prepared: Arc::clone(prepared),
            node: node.clone(),
            network: network.clone(),
            uuid: ctx.rng.uuid(),
            tag: i64::try_from(TAGS.start + ctx.rng.below(TAGS.end - TAGS.start)).unwrap_or_default(),
            mac: mac(ctx.rng.bytes()),
            now: ctx.now(),
        });
        match ctx.creates.run(ctx, work).await {
            Ok(created) => return Ok(created),
            Err(Error::Store(error)) if draw < DRAWS && is_taken(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Unavailable("No tag is free.".to_owned()))
}

fn is_taken(error: &StoreError) -> bool {
    ["tag", "mac"].iter().any(|column| error.violates("server_interfaces", &[column]))
}

fn mac(bytes: [u8; 3]) -> String {
    let [a, b, c] = bytes;
    format!("{MAC_PREFIX}:{a:02X}:{b:02X}:{c:02X}")
}

/// One create on one node. Runs again when the database gives up on it, so it changes nothing but rows.
pub(super) struct Work {
    ctx: Context,
    actor: Actor,
    prepared: Arc<Prepared>,
    node: Candidate,
    network: hypervisor_network::Model,
    uuid: Uuid,
    tag: i64,
    mac: String,
    now: Micros,
}

/// A node that the transaction holds the lock of.
pub(super) struct Locked {
    /// With the version that the lock bumped.
    pub row: hypervisor::Model,
    pub allocated: Allocated,
    next_uid: i64,
}

impl Work {
    pub(super) fn hypervisor_id(&self) -> i64 {
        self.node.hypervisor.id
    }

    pub(super) async fn run(&self, tx: &Tx, node: &mut Locked) -> Result<ServerDetails, Error> {
        let Prepared { plan, owner, candidates, .. } = self.prepared.as_ref();
        self.take_capacity(node)?;
        let server = server::insert(tx, self.new_server(node.next_uid)).await?;
        node.next_uid += 1;
        let disks = server_disk::insert(tx, server.id, &plan.disks, self.now).await?;
        let interface = server_interface::insert(tx, self.new_interface(server.id)).await?;
        let ipv4 = self.take_ipv4(tx, interface.id).await?;
        let ipv6 = self.take_ipv6(tx, interface.id).await?.into_iter().collect();
        let mut pending = Vec::new();
        for disk in disks.iter().filter(|disk| !disk.is_primary) {
            pending.push(plan_disk(tx, server.id, disk.id, disk.position, self.now).await?);
        }
        let after = json!({
            "uuid": self.uuid,
            "owner": owner.id,
            "package": self.prepared.order.package_id,
            "hypervisor": node.row.id,
            "memory": plan.memory_mib,
            "cpuCores": plan.cpu_cores,
            "storage": disks.iter().map(|disk| disk.capacity_gib).collect::<Vec<_>>(),
            "ipv4": ipv4.iter().map(|(address, _)| ipam::ipv4(address.address)).collect::<Vec<_>>(),
        });
        let subject = ("server", server.id);
        audit::record(tx, entry(&self.actor, self.now, "server.create", subject, None, Some(after))).await?;
        Ok(ServerDetails {
            server,
            owner: owner.clone(),
            hypervisor: node.row.clone(),
            group: candidates.group.clone(),
            template: None,
            allocated: node.allocated,
            disks,
            interfaces: vec![InterfaceDetails { interface, network: self.network.clone(), ipv4, ipv6 }],
            ssh_keys: Vec::new(),
            pending,
            working: false,
        })
    }

    /// Locks the node and counts again, since others may have been quicker.
    pub(super) async fn lock(&self, tx: &Tx) -> Result<Locked, Error> {
        let id = self.hypervisor_id();
        let (row, next_uid) = berth_store::placement::lock(tx, id).await?.ok_or(Error::NotFound("hypervisor"))?;
        let allocated = match self.ctx.capacity.at(id, row.capacity_version - 1) {
            Some(sum) => sum,
            None => server::allocated(tx, &[id]).await?.first().map(|(_, sum)| *sum).unwrap_or_default(),
        };
        Ok(Locked { row, allocated, next_uid })
    }

    fn take_capacity(&self, node: &mut Locked) -> Result<(), Error> {
        let demand = self.prepared.plan.demand();
        let refusals = placement::refusals(&as_node(&node.row, true, node.allocated), demand);
        if !refusals.is_empty() {
            return Err(Error::Invalid(refusals));
        }
        let Allocated { servers, memory_mib, cpu_cores, storage_gib } = &mut node.allocated;
        *servers += 1;
        *memory_mib += demand.memory_mib;
        *cpu_cores += demand.cpu_cores;
        *storage_gib += demand.storage_gib;
        Ok(())
    }

    fn new_server(&self, run_as_uid: i64) -> NewServer {
        let Prepared { order, plan, owner, backup_plan_id, .. } = self.prepared.as_ref();
        NewServer {
            uuid: self.uuid,
            owner_id: owner.id,
            hypervisor_id: self.node.hypervisor.id,
            package_id: order.package_id,
            memory_mib: plan.memory_mib,
            cpu_cores: plan.cpu_cores,
            traffic_gb: plan.traffic_gb,
            storage_profile: plan.storage_profile,
            network_profile: plan.network_profile,
            backup_plan_id: *backup_plan_id,
            run_as_uid,
            now: self.now,
        }
    }

    fn new_interface(&self, server_id: i64) -> server_interface::NewInterface {
        let plan = &self.prepared.plan;
        server_interface::NewInterface {
            server_id,
            network_id: self.network.id,
            position: 1,
            tag: self.tag,
            mac: self.mac.clone(),
            in_average_kbs: plan.in_average_kbs,
            out_average_kbs: plan.out_average_kbs,
            network_profile: plan.network_profile,
            now: self.now,
        }
    }

    /// From the blocks in their order; all that were asked for or none.
    async fn take_ipv4(
        &self,
        tx: &Tx,
        interface_id: i64,
    ) -> Result<Vec<(ipv4_address::Model, ip_block::Model)>, Error> {
        let wanted = self.prepared.order.ipv4;
        let mut taken = Vec::new();
        for block in blocks(&self.node, self.prepared.plan.network_profile, 4) {
            let missing = wanted.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX));
            let position = i32::try_from(taken.len() + 1).unwrap_or(i32::MAX);
            let given = ipv4_addresses::allocate(tx, block.id, interface_id, position, missing, self.now).await?;
            taken.extend(given.into_iter().map(|address| (address, block.clone())));
        }
        if taken.len() < wanted as usize {
            return Err(Error::invalid(too_few_addresses(&self.node.hypervisor.name, wanted)));
        }
        Ok(taken)
    }

    /// A subnet where a block is bound to the network; without one a server has IPv4 only.
    async fn take_ipv6(
        &self,
        tx: &Tx,
        interface_id: i64,
    ) -> Result<Option<(ipv6_subnet::Model, ip_block::Model)>, Error> {
        for block in blocks(&self.node, self.prepared.plan.network_profile, 6) {
            if let Some(subnet) = give_ipv6(tx, block, interface_id, self.now).await? {
                return Ok(Some((subnet, block.clone())));
            }
        }
        Ok(None)
    }
}

/// The next subnet of a block; `None` where it has no more.
pub async fn give_ipv6(
    tx: &Tx,
    block: &ip_block::Model,
    interface_id: i64,
    now: Micros,
) -> Result<Option<ipv6_subnet::Model>, Error> {
    let source = block.source_prefix.clone().unwrap_or_default();
    let source = source.split('/').next().unwrap_or_default().to_owned();
    let (from, to) = (block.prefix_len, block.subnet_prefix_len.unwrap_or(64));
    let cut = |index| ipam::subnet(&source, from, to, index).map(|subnet| subnet.to_string());
    Ok(ipv6_subnets::allocate(tx, block, interface_id, 1, now, cut).await?)
}

/// A further disk is made by the next power action, or by the build.
async fn plan_disk(
    tx: &Tx,
    server_id: i64,
    disk_id: i64,
    position: i32,
    now: Micros,
) -> Result<pending_action::Model, Error> {
    let letter = char::from(b'a' + u8::try_from(position - 1).unwrap_or(0).min(25));
    let payload = json!({ "disk": { "id": disk_id, "disk_storage_id": null } });
    let action = format!("Create HDD (sd{letter})");
    Ok(pending::insert(tx, server_id, &action, &["boot", "restart"], payload, now).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_are_unicast_and_upper_case() {
        assert_eq!(mac([0, 0xab, 7]), "52:54:00:00:AB:07");
    }
}
