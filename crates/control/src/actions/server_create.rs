//! Creating a server: placed on a node of a group, with its disks, its primary interface and its addresses; a customer's
//! order has its build queued in the same transaction.

use std::sync::Arc;

use berth_api::v1::server_input::CreateServer;
use berth_store::{
    Micros, StoreError, Tx, audit, backup_plan,
    entity::{
        backup_plan as plan_entity, hypervisor, hypervisor_network, ip_block, ipv4_address, ipv6_subnet,
        package as package_entity, storage_point as point_entity, user,
    },
    firewall::Rule,
    ipv4_address as ipv4_addresses, ipv6_subnet as ipv6_subnets, pending_action as pending,
    placement::{Candidate, Candidates, candidates, free_ipv4, package},
    server::{self, Allocated, NewServer},
    server_details::{InterfaceDetails, PointUse, ServerDetails},
    server_disk, server_interface, storage_point, template, user as users,
};
use serde_json::json;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::{
    entry,
    hypervisor_networks::is_usable,
    rulesets,
    self_service::purchase::{self, Right},
    server_build::NewBuild,
    server_create_batch::Refused,
    server_order::{Order, Plan},
    server_placement::{Storage, as_node, nodes_of},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    ipam,
    pending::{POWER_ACTIONS, new_disk},
    placement::{self, Node, Pool, Refusal},
    trail::Trail,
};

/// How often a tag or a MAC address that is taken is drawn again.
pub(super) const DRAWS: u32 = 5;
/// 52:54:00 is QEMU's.
pub(super) const MAC_PREFIX: &str = "52:54:00";
/// Tags have ten digits.
const TAGS: std::ops::Range<u64> = 1_000_000_000..10_000_000_000;

/// Everything that is known before a transaction begins.
struct Prepared {
    order: Order,
    plan: Plan,
    package: package_entity::Model,
    /// Where the customer creates it by self service.
    right: Option<Right>,
    /// What is built on it at once.
    build: Option<NewBuild>,
    owner: user::Model,
    candidates: Candidates,
    storage: Storage,
    /// Of the package.
    backup_plan: Option<plan_entity::Model>,
    firewall: Vec<Rule>,
    /// Of the template that it will be built from, where the order names one.
    arch: Option<i32>,
    /// Addresses that are free in each block, as far as they matter here.
    free_ipv4: Vec<(i64, i64)>,
}

/// Creates the server; answers it whole.
pub async fn create(ctx: &Context, actor: &Actor, input: CreateServer) -> Result<ServerDetails, Error> {
    actor.require(Ability::Write)?;
    place(ctx, actor, prepare(ctx, input).await?).await
}

/// By a customer's own right; from then on it is metered. With a build either both are there or neither is; what is
/// answered is the server as it was before the build was ordered, and the runner is to be woken.
pub async fn create_by(
    ctx: &Context,
    actor: &Actor,
    input: CreateServer,
    right: Right,
    build: Option<NewBuild>,
) -> Result<ServerDetails, Error> {
    actor.require(Ability::Write)?;
    let prepared = prepare(ctx, input).await?;
    place(ctx, actor, Prepared { right: Some(right), build, ..prepared }).await
}

/// On the best node that still has room when it is its turn.
async fn place(ctx: &Context, actor: &Actor, prepared: Prepared) -> Result<ServerDetails, Error> {
    let prepared = Arc::new(prepared);
    let (order, mut reasons) = order_of_nodes(ctx, &prepared).await?;
    for id in order {
        let Some(node) = prepared.candidates.nodes.iter().find(|node| node.hypervisor.id == id) else { continue };
        match create_on(ctx, actor, &prepared, node).await {
            Ok(created) => return Ok(created),
            Err(Refused::Everywhere(error)) => return Err(error),
            Err(Refused::Node(against)) => {
                let new: Vec<_> = against.into_iter().filter(|reason| !reasons.contains(reason)).collect();
                reasons.extend(new);
            }
        }
    }
    Err(Error::Invalid(reasons))
}

/// Whether [`create`] would succeed now; if not, every reason.
pub async fn dry_run(ctx: &Context, actor: &Actor, input: CreateServer) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let prepared = prepare(ctx, input).await?;
    let (order, reasons) = order_of_nodes(ctx, &prepared).await?;
    if order.is_empty() { Err(Error::Invalid(reasons)) } else { Ok(()) }
}

async fn prepare(ctx: &Context, input: CreateServer) -> Result<Prepared, Error> {
    let order = Order::check(input).map_err(Error::Invalid)?;
    let db = ctx.store.read();
    let (package, owner, candidates, storage, free_ipv4) = tokio::try_join!(
        package(db, order.package_id),
        users::by_id(db, order.user_id),
        candidates(db, order.group_id),
        Storage::of_group(ctx, order.group_id),
        free_ipv4(db, order.group_id, ctx.rested_since(ctx.now()), order.ipv4)
    )?;
    let mut errors = Vec::new();
    let template = match order.template_id {
        Some(id) => template::by_id(db, id).await?.filter(|template| template.enabled),
        None => None,
    };
    if order.template_id.is_some() && template.is_none() {
        errors.push("Invalid or disabled operating system template".to_owned());
    }
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
    let plan = order.plan(&package, ctx.rng.as_ref());
    let backup_plan = match package.backup_plan_id {
        0 => None,
        id => backup_plan::by_id(db, id).await?,
    };
    let firewall = rulesets::of_new_server(db, order.firewall.as_deref(), order.package_id).await?;
    let arch = template.map(|template| template.arch);
    Ok(Prepared {
        order,
        plan,
        package,
        right: None,
        build: None,
        owner,
        candidates,
        storage,
        backup_plan,
        firewall,
        arch,
        free_ipv4,
    })
}

/// Nodes that can take the server, the best first, and why the others can't.
async fn order_of_nodes(ctx: &Context, prepared: &Prepared) -> Result<(Vec<i64>, Vec<String>), Error> {
    let group = &prepared.candidates.group;
    let nodes = nodes_of(ctx, &prepared.candidates, &prepared.free_ipv4, &prepared.storage).await?;
    let wanted = prepared.plan.wanted(prepared.order.ipv4, prepared.arch);
    let placed = placement::place(&nodes, &wanted, group.distribution_type);
    let mut reasons = placed.reasons;
    if nodes.is_empty() {
        reasons.push(format!("Hypervisor group {} has no hypervisors.", group.name));
    }
    Ok((placed.order, reasons))
}

/// Blocks of the node that may serve a network profile (0 is any), in order.
pub fn blocks(node: &Candidate, network_profile: i32, family: i32) -> impl Iterator<Item = &ip_block::Model> {
    let serves = move |block: &&ip_block::Model| {
        block.family == family && (network_profile == 0 || block.network_profile == network_profile)
    };
    node.blocks.iter().filter(serves)
}

async fn create_on(
    ctx: &Context,
    actor: &Actor,
    prepared: &Arc<Prepared>,
    node: &Candidate,
) -> Result<ServerDetails, Refused> {
    let Some(network) = node.network.clone() else { return Err(Refused::Node(Vec::new())) };
    for draw in 1.. {
        let (tag, mac) = self::draw(ctx);
        let work = Arc::new(Work {
            ctx: ctx.clone(),
            actor: actor.clone(),
            prepared: Arc::clone(prepared),
            node: node.clone(),
            network: network.clone(),
            uuid: ctx.rng.uuid(),
            tag,
            mac,
            now: ctx.now(),
            trail: Trail::here(),
            span: Span::current(),
        });
        match ctx.creates.run(ctx, work).await {
            Ok(created) => return Ok(created),
            Err(Refused::Everywhere(Error::Store(error))) if draw < DRAWS && is_taken(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Unavailable("No tag is free.".to_owned()).into())
}

/// A tag and a MAC address for an interface; which of them are taken only the database knows.
pub(super) fn draw(ctx: &Context) -> (i64, String) {
    let tag = i64::try_from(TAGS.start + ctx.rng.below(TAGS.end - TAGS.start)).unwrap_or_default();
    (tag, mac(ctx.rng.bytes()))
}

pub(super) fn is_taken(error: &StoreError) -> bool {
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
    /// Of its request: the batch is written by whoever's turn it is.
    trail: Trail,
    span: Span,
}

/// A node that the transaction holds the lock of.
pub(super) struct Locked {
    /// With the version that the lock bumped.
    pub row: hypervisor::Model,
    pub allocated: Allocated,
    points: Vec<point_entity::Model>,
    next_uid: i64,
}

impl Work {
    pub(super) fn hypervisor_id(&self) -> i64 {
        self.node.hypervisor.id
    }

    pub(super) async fn run(&self, tx: &Tx, node: &mut Locked) -> Result<ServerDetails, Refused> {
        let Prepared { plan, package, right, build, owner, candidates, .. } = self.prepared.as_ref();
        if let Some(right) = right {
            purchase::check_in(tx, right, owner, package, plan, self.now).await?;
        }
        let places = self.take_capacity(node)?;
        let server = server::insert(tx, self.new_server(node.next_uid)).await?;
        node.next_uid += 1;
        let disks =
            server_disk::insert(tx, server.id, &plan.disks_on(&node.row, &node.points, &places), self.now).await?;
        let interface = server_interface::insert(tx, self.new_interface(server.id)).await?;
        let firewall = rulesets::raise(tx, interface.id, &self.prepared.firewall, self.now).await?;
        let ipv4 = self.take_ipv4(tx, interface.id).await?;
        let ipv6 = self.take_ipv6(tx, interface.id).await?.into_iter().collect();
        let mut pending = Vec::new();
        for disk in disks.iter().filter(|disk| !disk.is_primary) {
            // It is made by the build.
            let new = new_disk(disk, server.generation);
            pending.push(pending::insert(tx, server.id, new, &POWER_ACTIONS, self.now).await?);
        }
        let after = json!({
            "uuid": self.uuid,
            "owner": owner.id,
            "package": self.prepared.order.package_id,
            "hypervisor": node.row.id,
            "memory": plan.memory_mib,
            "cpuCores": plan.cpu_cores,
            "storage": disks.iter().map(|disk| disk.capacity_gib).collect::<Vec<_>>(),
            "selfService": server.self_service,
            "profile": right.as_ref().map(|right| right.profile_id),
            "pack": right.as_ref().and_then(|right| right.pack_id),
            "ipv4": ipv4.iter().map(|(address, _)| ipam::ipv4(address.address)).collect::<Vec<_>>(),
        });
        if let Some(right) = right {
            purchase::begin(tx, right, &server, package, self.now).await?;
        }
        let in_use = |point: &point_entity::Model| PointUse::of(point, &node.allocated);
        let subject = ("server", server.id);
        audit::record(tx, entry(&self.actor, self.now, "create_server", subject, None, Some(after))).await?;
        let details = ServerDetails {
            server,
            owner: owner.clone(),
            hypervisor: node.row.clone(),
            group: candidates.group.clone(),
            template: None,
            iso: None,
            backup_plan: self.prepared.backup_plan.clone(),
            local_enabled: node.points.iter().all(|point| point.enabled || !point.is_local),
            points: node.points.iter().filter(|point| !point.is_local).map(in_use).collect(),
            allocated: node.allocated.clone(),
            disks,
            interfaces: vec![InterfaceDetails {
                ipv4,
                ipv6,
                firewall,
                ..InterfaceDetails::new(interface, self.network.clone())
            }],
            ssh_keys: Vec::new(),
            pending,
            names: Vec::new(),
            shared_with: Vec::new(),
            working: false,
        };
        if let Some(build) = build {
            self.order_build(tx, build, &details).await?;
        }
        Ok(details)
    }

    /// The job belongs to the request that this create came by.
    async fn order_build(&self, tx: &Tx, build: &NewBuild, details: &ServerDetails) -> Result<(), Error> {
        let ordered = build.order(tx, (&self.ctx, &self.actor), details, self.now);
        self.trail.clone().follow(ordered.instrument(self.span.clone())).await
    }

    /// Locks the node and counts again, since others may have been quicker.
    pub(super) async fn lock(&self, tx: &Tx) -> Result<Locked, Error> {
        let id = self.hypervisor_id();
        let (row, next_uid) = berth_store::placement::lock(tx, id).await?.ok_or(Error::NotFound("hypervisor"))?;
        let allocated = match self.ctx.capacity.at(id, row.capacity_version - 1) {
            Some(sum) => sum,
            None => server::allocated(tx, &[id]).await?.into_iter().next().map(|(_, sum)| sum).unwrap_or_default(),
        };
        // Others may have changed or removed one meanwhile; of the node's own folder nothing can be removed.
        let known = self.prepared.storage.of_node(id);
        let points = if known.iter().all(|point| point.is_local) {
            known.to_vec()
        } else {
            storage_point::of_hypervisors(tx, &[id]).await?
        };
        Ok(Locked { row, allocated, points, next_uid })
    }

    /// Answers the storage of each disk.
    fn take_capacity(&self, node: &mut Locked) -> Result<Vec<Pool>, Refused> {
        let Prepared { plan, arch, storage, .. } = self.prepared.as_ref();
        let demand = plan.demand();
        let tested = storage.local_tested(node.row.id);
        let placed = as_node(&node.row, true, node.allocated.clone(), &node.points, tested);
        let placed = Node { network_works: is_usable(&node.row, &self.network), ..placed };
        let refusals = placement::refusals(&placed, &plan.wanted(0, *arch));
        let sentences = refusals.map(|refusal| refusal.sentence(&node.row.name)).collect::<Vec<_>>();
        if !sentences.is_empty() {
            return Err(Refused::Node(sentences));
        }
        let wanted = plan.wanted_disks();
        let places = placement::assign(&placed.pools, &wanted).unwrap_or_default();
        let places: Vec<Pool> = places.into_iter().map(|place| placed.pools[place]).collect();
        node.allocated.servers += 1;
        node.allocated.memory_mib += demand.memory_mib;
        node.allocated.cpu_cores += demand.cpu_cores;
        for (pool, disk) in places.iter().zip(&wanted) {
            node.allocated.add_storage(pool.point, disk.gib);
        }
        Ok(places)
    }

    fn new_server(&self, run_as_uid: i64) -> NewServer {
        let Prepared { order, plan, right, owner, backup_plan, .. } = self.prepared.as_ref();
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
            backup_plan_id: backup_plan.as_ref().map(|plan| plan.id),
            hypervisor_asset_groups: order.asset_groups.clone(),
            self_service: right.as_ref().map_or(0, |right| right.self_service),
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
            firewall_enabled: !self.prepared.firewall.is_empty(),
            settings: server_interface::Settings { packets_s: plan.packets_s, ..Default::default() },
            now: self.now,
        }
    }

    /// From the blocks in their order; all that were asked for or none.
    async fn take_ipv4(
        &self,
        tx: &Tx,
        interface_id: i64,
    ) -> Result<Vec<(ipv4_address::Model, ip_block::Model)>, Refused> {
        let wanted = self.prepared.order.ipv4;
        let mut taken = Vec::new();
        for block in blocks(&self.node, self.prepared.plan.network_profile, 4) {
            let missing = wanted.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX));
            let position = i32::try_from(taken.len() + 1).unwrap_or(i32::MAX);
            let rested = self.ctx.rested_since(self.now);
            let given =
                ipv4_addresses::allocate(tx, block.id, interface_id, position, missing, rested, self.now).await?;
            taken.extend(given.into_iter().map(|address| (address, block.clone())));
        }
        if taken.len() < wanted as usize {
            return Err(Refused::Node(vec![Refusal::Ipv4 { wanted }.sentence(&self.node.hypervisor.name)]));
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
            if let Some(subnet) =
                give_ipv6(tx, block, interface_id, 1, (self.ctx.rested_since(self.now), self.now)).await?
            {
                return Ok(Some((subnet, block.clone())));
            }
        }
        Ok(None)
    }
}

/// The next subnet of a block; `None` where it has no more. `times` are since when it must have been free, and now.
pub async fn give_ipv6(
    tx: &Tx,
    block: &ip_block::Model,
    interface_id: i64,
    position: i32,
    times: (Micros, Micros),
) -> Result<Option<ipv6_subnet::Model>, Error> {
    let source = block.source_prefix.clone().unwrap_or_default();
    let source = source.split('/').next().unwrap_or_default().to_owned();
    let (from, to) = (block.prefix_len, block.subnet_prefix_len.unwrap_or(64));
    let cut = |index| ipam::subnet(&source, from, to, index).map(|subnet| subnet.to_string());
    Ok(ipv6_subnets::allocate(tx, block, interface_id, position, times, cut).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_are_unicast_and_upper_case() {
        assert_eq!(mac([0, 0xab, 7]), "52:54:00:00:AB:07");
    }
}
