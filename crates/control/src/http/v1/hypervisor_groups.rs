//! Groups of nodes.

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
        confirm::Confirm,
        hypervisor_group::{
            CreateHypervisorGroup, FreeAddresses, GroupAddresses, GroupNetwork, GroupResources, GroupResourcesNode,
            GroupResourcesOfNode, HypervisorGroup, UpdateHypervisorGroup,
        },
        server_node::{NodeLocalStorage, NodeResource},
    },
};
use berth_store::{
    entity::{hypervisor as entity, hypervisor_group as group_entity, storage_point as storage_point_entity},
    hypervisor, hypervisor_group, ip_block, server,
    server_details::PointUse,
    storage_point,
};

use super::storage_points::other_storage;
use crate::{
    Context, Error,
    actions::hypervisor_groups,
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
    placement::Limits,
};

const GROUP: &str = "hypervisor group";

/// Retrieve hypervisor groups.
#[utoipa::path(get, path = "/compute/hypervisors/groups", tag = "Hypervisor groups",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of groups.", body = Page<HypervisorGroup>)))]
pub async fn list(
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
    responses((status = 200, description = "The group.", body = Data<HypervisorGroup>),
        (status = 404, description = "There is no such group.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<HypervisorGroup>>, Error> {
    actor.require(Ability::Read)?;
    Ok(Json(Data { data: group(find(&ctx, &id).await?) }))
}

/// Create a hypervisor group.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/compute/hypervisors/groups", tag = "Hypervisor groups", request_body = CreateHypervisorGroup,
    responses((status = 201, description = "The group.", body = Data<HypervisorGroup>),
        (status = 409, description = "The name is another group's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateHypervisorGroup>,
) -> Result<(StatusCode, Json<Data<HypervisorGroup>>), Error> {
    let row = hypervisor_groups::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: group(row) })))
}

/// Change a hypervisor group: what is named, nothing else.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/compute/hypervisors/groups/{hypervisorGroupId}", tag = "Hypervisor groups",
    params(("hypervisorGroupId" = i64, Path, description = "A group's id.")),
    request_body = UpdateHypervisorGroup,
    responses((status = 200, description = "The group as it is now.", body = Data<HypervisorGroup>),
        (status = 404, description = "There is no such group."),
        (status = 409, description = "The name is another group's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateHypervisorGroup>,
) -> Result<Json<Data<HypervisorGroup>>, Error> {
    let row = hypervisor_groups::update(&ctx, &actor, extract::id(&id, GROUP)?, input).await?;
    Ok(Json(Data { data: group(row) }))
}

/// Remove a hypervisor group that has no hypervisors.
///
/// An addition of Berth's. Enrolment tokens for the group are worthless then.
#[utoipa::path(delete, path = "/compute/hypervisors/groups/{hypervisorGroupId}", tag = "Hypervisor groups",
    params(("hypervisorGroupId" = i64, Path, description = "A group's id.")),
    request_body = Confirm,
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such group."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    hypervisor_groups::remove(&ctx, &actor, extract::id(&id, GROUP)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve what a group's nodes have and have given out, summed from servers. Maxima include over-commit.
#[utoipa::path(get, path = "/compute/hypervisors/groups/{hypervisorGroupId}/resources", tag = "Hypervisor groups",
    params(("hypervisorGroupId" = i64, Path, description = "A group's id."),
        ("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of nodes.", body = Page<GroupResources>),
        (status = 404, description = "There is no such group.")))]
pub async fn resources(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
    Path(id): Path<String>,
) -> Result<Json<Page<GroupResources>>, Error> {
    actor.require(Ability::Read)?;
    let group = find(&ctx, &id).await?;
    let db = ctx.store.read();
    let (rows, total) = hypervisor::page(db, Some(group.id), page.offset(), page.results).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let allocated = server::allocated(db, &ids).await?;
    let points = storage_point::of_hypervisors(db, &ids).await?;
    let free = ip_block::free_ipv4_of_hypervisors(db, &ids).await?;
    let data = rows.into_iter().map(|row| {
        let sum = allocated.iter().find(|(id, _)| *id == row.id).map(|(_, sum)| sum.clone()).unwrap_or_default();
        let own = points.iter().filter(|point| point.hypervisor_id == row.id);
        let ipv4 = free.iter().find(|(id, _)| *id == row.id).map_or(0, |(_, free)| *free);
        of_node(&row, group.enabled, &sum, (own, ipv4))
    });
    Ok(Json(page.wrap(data.collect(), total)))
}

async fn find(ctx: &Context, id: &str) -> Result<group_entity::Model, Error> {
    hypervisor_group::by_id(ctx.store.read(), extract::id(id, GROUP)?).await?.ok_or(Error::NotFound(GROUP))
}

fn of_node<'a>(
    row: &entity::Model,
    group_enabled: bool,
    sum: &server::Allocated,
    (points, ipv4_free): (impl Iterator<Item = &'a storage_point_entity::Model>, i64),
) -> GroupResources {
    let mut local_enabled = true;
    let mut others = Vec::new();
    for point in points {
        if point.is_local {
            local_enabled = point.enabled;
        } else {
            others.push(other_storage(PointUse::of(point, sum), row.storage_overcommit_percent));
        }
    }
    let commissioned = row.commissioned == hypervisor::COMMISSIONED;
    let limits = Limits::of(row);
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
            servers: NodeResource::new("#", limits.servers, sum.servers),
            memory: NodeResource::new("MB", limits.memory_mib, sum.memory_mib),
            cpu_cores: NodeResource::new("#", limits.cpu_cores, sum.cpu_cores),
            local_storage: NodeLocalStorage {
                enabled: i32::from(local_enabled),
                ..NodeLocalStorage::local(limits.storage_gib, sum.storage_gib)
            },
            other_storage: others,
            network: GroupNetwork { total: GroupAddresses { ipv4: FreeAddresses { free: ipv4_free } } },
        },
    }
}

pub fn group(row: group_entity::Model) -> HypervisorGroup {
    let group_entity::Model {
        id,
        name,
        label,
        description,
        icon,
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
        icon,
        distribution_type,
        enabled,
        default: is_default,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
