//! Nodes and their groups.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{
        hypervisor::{
            CreateEnrolmentToken, CreateHypervisorGroup, EnrolmentToken, FreeAddresses, GroupAddresses, GroupNetwork,
            GroupResources, GroupResourcesNode, GroupResourcesOfNode, Hypervisor, HypervisorGroup, HypervisorNetwork,
        },
        server_node::{NodeLocalStorage, NodeResource},
    },
};
use berth_store::{
    entity::{hypervisor as entity, hypervisor_group as group_entity, hypervisor_network as network_entity},
    hypervisor, hypervisor_group, hypervisor_network, ip_block, server,
};
use serde_json::Value;

use crate::{
    Context, Error,
    actions::{enrolment, hypervisor_groups},
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

const NODE: &str = "hypervisor";
const GROUP: &str = "hypervisor group";

/// Retrieve hypervisors.
#[utoipa::path(get, path = "/compute/hypervisors", tag = "Hypervisors",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of hypervisors.", body = Page<Hypervisor>), (status = 401, description = "The token is missing or wrong.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<Hypervisor>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = hypervisor::page(ctx.store.read(), None, page.offset(), page.results).await?;
    Ok(Json(page.wrap(whole(&ctx, rows).await?, total)))
}

/// Retrieve a hypervisor.
#[utoipa::path(get, path = "/compute/hypervisors/{hypervisorId}", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 200, description = "The hypervisor.", body = Data<Hypervisor>), (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such hypervisor.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Hypervisor>>, Error> {
    actor.require(Ability::Read)?;
    let row = hypervisor::by_id(ctx.store.read(), extract::id(&id, NODE)?).await?.ok_or(Error::NotFound(NODE))?;
    let data = whole(&ctx, vec![row]).await?.pop().ok_or(Error::NotFound(NODE))?;
    Ok(Json(Data { data }))
}

/// Make a token with which one node joins. It is shown once and lives 24 hours.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/compute/hypervisors/enrolmentTokens", tag = "Hypervisors",
    request_body = CreateEnrolmentToken,
    responses((status = 201, description = "The token.", body = Data<EnrolmentToken>), (status = 401, description = "The token is missing or wrong."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_enrolment_token(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateEnrolmentToken>,
) -> Result<(StatusCode, Json<Data<EnrolmentToken>>), Error> {
    let name = input.name.unwrap_or_else(|| format!("node-{}", ctx.rng.letters_and_digits(6).to_lowercase()));
    let (token, expires_at) = enrolment::create_token(&ctx, &actor, name.trim(), input.group_id).await?;
    Ok((StatusCode::CREATED, Json(Data { data: EnrolmentToken { token, expires: time::offset(expires_at) } })))
}

/// Retrieve hypervisor groups.
#[utoipa::path(get, path = "/compute/hypervisors/groups", tag = "Hypervisor groups",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of groups.", body = Page<HypervisorGroup>), (status = 401, description = "The token is missing or wrong.")))]
pub async fn list_groups(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<HypervisorGroup>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = hypervisor_group::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(group).collect(), total)))
}

/// Retrieve a hypervisor group.
#[utoipa::path(get, path = "/compute/hypervisors/groups/{hypervisorGroupId}", tag = "Hypervisor groups",
    params(("hypervisorGroupId" = i64, Path, description = "A group's id.")),
    responses((status = 200, description = "The group.", body = Data<HypervisorGroup>), (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such group.")))]
pub async fn retrieve_group(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<HypervisorGroup>>, Error> {
    actor.require(Ability::Read)?;
    Ok(Json(Data { data: group(find_group(&ctx, &id).await?) }))
}

/// Create a hypervisor group.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/compute/hypervisors/groups", tag = "Hypervisor groups", request_body = CreateHypervisorGroup,
    responses((status = 201, description = "The group.", body = Data<HypervisorGroup>), (status = 401, description = "The token is missing or wrong."),
        (status = 409, description = "The name is another group's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_group(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateHypervisorGroup>,
) -> Result<(StatusCode, Json<Data<HypervisorGroup>>), Error> {
    let row = hypervisor_groups::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: group(row) })))
}

/// Retrieve what a group's nodes have and have given out, summed from servers.
#[utoipa::path(get, path = "/compute/hypervisors/groups/{hypervisorGroupId}/resources", tag = "Hypervisor groups",
    params(("hypervisorGroupId" = i64, Path, description = "A group's id."),
        ("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of nodes.", body = Page<GroupResources>), (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such group.")))]
pub async fn group_resources(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
    Path(id): Path<String>,
) -> Result<Json<Page<GroupResources>>, Error> {
    actor.require(Ability::Read)?;
    let group = find_group(&ctx, &id).await?;
    let db = ctx.store.read();
    let (rows, total) = hypervisor::page(db, Some(group.id), page.offset(), page.results).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let allocated = server::allocated(db, &ids).await?;
    let networks = hypervisor_network::of_hypervisors(db, &ids).await?;
    let network_ids: Vec<i64> = networks.iter().map(|network| network.id).collect();
    let free = ip_block::free_ipv4_of_networks(db, &network_ids).await?;
    let data = rows.into_iter().map(|row| {
        let sum = allocated.iter().find(|(id, _)| *id == row.id).map(|(_, sum)| *sum).unwrap_or_default();
        let own = networks.iter().filter(|network| network.hypervisor_id == row.id);
        let ipv4 = own.map(|network| free.iter().find(|(id, _)| *id == network.id).map_or(0, |(_, free)| *free)).sum();
        resources(&row, group.enabled, sum, ipv4)
    });
    Ok(Json(page.wrap(data.collect(), total)))
}

async fn find_group(ctx: &Context, id: &str) -> Result<group_entity::Model, Error> {
    hypervisor_group::by_id(ctx.store.read(), extract::id(id, GROUP)?).await?.ok_or(Error::NotFound(GROUP))
}

fn resources(row: &entity::Model, group_enabled: bool, sum: server::Allocated, ipv4_free: i64) -> GroupResources {
    let commissioned = row.commissioned == hypervisor::COMMISSIONED;
    GroupResources {
        hypervisor: GroupResourcesNode {
            id: row.id,
            name: row.name.clone(),
            enabled: row.enabled,
            prohibit: row.prohibit,
            accept: group_enabled && row.enabled && commissioned && !row.prohibit && !row.maintenance,
            commissioned,
        },
        resources: GroupResourcesOfNode {
            servers: NodeResource::new("#", row.max_servers, sum.servers),
            memory: NodeResource::new("MB", row.max_memory_mib, sum.memory_mib),
            cpu_cores: NodeResource::new("#", row.max_cpu, sum.cpu_cores),
            local_storage: NodeLocalStorage::local(row.max_storage_gib, sum.storage_gib),
            other_storage: Vec::new(),
            network: GroupNetwork { total: GroupAddresses { ipv4: FreeAddresses { free: ipv4_free } } },
        },
    }
}

async fn whole(ctx: &Context, rows: Vec<entity::Model>) -> Result<Vec<Hypervisor>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let group_ids: Vec<i64> = rows.iter().map(|row| row.group_id).collect();
    let groups = hypervisor_group::by_ids(ctx.store.read(), &group_ids).await?;
    let networks = hypervisor_network::of_hypervisors(ctx.store.read(), &ids).await?;
    let node = |row: entity::Model| {
        let group = groups.iter().find(|group| group.id == row.group_id).cloned()?;
        let own = networks.iter().filter(|network| network.hypervisor_id == row.id).cloned().collect();
        Some(shown(row, group, own))
    };
    Ok(rows.into_iter().filter_map(node).collect())
}

fn shown(row: entity::Model, of: group_entity::Model, networks: Vec<network_entity::Model>) -> Hypervisor {
    let fact = |name: &str| row.facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (accelerator, accelerator_detail, agent_version) =
        (fact("accelerator"), fact("acceleratorDetail"), fact("agentVersion"));
    let entity::Model {
        id,
        uuid: _,
        group_id: _,
        name,
        ip,
        ip_alt,
        hostname,
        port,
        ssh_port,
        commissioned,
        maintenance,
        enabled,
        prohibit,
        nf_type,
        max_servers,
        max_cpu,
        max_memory_mib,
        max_storage_gib: _,
        data_dir: _,
        timezone: _,
        facts: _,
        facts_at: _,
        certificate_serial,
        certificate_expires_at: _,
        event_incarnation: _,
        event_sequence: _,
        capacity_version: _,
        created_at,
        updated_at,
    } = row;
    Hypervisor {
        id,
        commissioned,
        ip,
        ip_alt,
        hostname,
        port,
        ssh_port,
        name,
        maintenance,
        enabled,
        prohibit,
        nf_type,
        group: group(of),
        encrypted_token: certificate_serial.unwrap_or_default(),
        max_servers,
        max_cpu,
        max_memory: max_memory_mib,
        networks: networks.into_iter().map(network).collect(),
        storage: Vec::new(),
        accelerator,
        accelerator_detail,
        agent_version,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}

fn network(row: network_entity::Model) -> HypervisorNetwork {
    let network_entity::Model {
        id,
        hypervisor_id: _,
        kind,
        bridge,
        mtu: _,
        is_primary,
        is_default,
        created_at,
        updated_at,
    } = row;
    HypervisorNetwork {
        id,
        r#type: kind,
        bridge,
        primary: is_primary,
        default: is_default,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}

fn group(row: group_entity::Model) -> HypervisorGroup {
    let group_entity::Model {
        id,
        name,
        label,
        description,
        icon: _,
        distribution_type,
        enabled,
        is_default,
        created_at,
        updated_at,
    } = row;
    HypervisorGroup {
        id,
        name,
        label,
        description,
        distribution_type,
        enabled,
        default: is_default,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
