//! Nodes.

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
        hypervisor::{CreateEnrolmentToken, EnrolmentToken, Hypervisor, UpdateHypervisor},
        network_filters::HypervisorSettings,
    },
};
use berth_store::{
    entity::{hypervisor as entity, hypervisor_group as group_entity, hypervisor_network as network_entity},
    hypervisor, hypervisor_group, hypervisor_network, job, selftest, server, storage_point,
};
use serde_json::Value;

use super::{
    hypervisor_checks, hypervisor_groups::group, hypervisor_networks::network, network_filters, storage_points,
};
use crate::{
    Context, Error,
    actions::{enrolment, hypervisors, storage_points::Found},
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::{BaseUrl, PageRequest},
    },
    jobs::Kind,
};

const NODE: &str = "hypervisor";

/// Retrieve hypervisors.
#[utoipa::path(get, path = "/compute/hypervisors", tag = "Hypervisors",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of hypervisors.", body = Page<Hypervisor>)))]
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
    responses((status = 200, description = "The hypervisor.", body = Data<Hypervisor>),
        (status = 404, description = "There is no such hypervisor.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Hypervisor>>, Error> {
    actor.require(Ability::Read)?;
    let row = hypervisor::by_id(ctx.store.read(), extract::id(&id, NODE)?).await?.ok_or(Error::NotFound(NODE))?;
    one(&ctx, row).await
}

/// Change a hypervisor: what is named, nothing else. Its servers stay.
#[utoipa::path(put, path = "/compute/hypervisors/{hypervisorId}", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    request_body = UpdateHypervisor,
    responses((status = 200, description = "The hypervisor as it is now.", body = Data<Hypervisor>),
        (status = 404, description = "There is no such hypervisor."),
        (status = 409, description = "The name is another hypervisor's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateHypervisor>,
) -> Result<Json<Data<Hypervisor>>, Error> {
    let row = hypervisors::update(&ctx, &actor, extract::id(&id, NODE)?, input).await?;
    one(&ctx, row).await
}

/// Remove a hypervisor that has no servers.
///
/// An addition of Berth's. The node is not asked, so one that is gone for good can be removed.
#[utoipa::path(delete, path = "/compute/hypervisors/{hypervisorId}", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    request_body = Confirm,
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such hypervisor."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    hypervisors::remove(&ctx, &actor, extract::id(&id, NODE)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a token with which one node joins. It is shown once and lives 24 hours.
///
/// An addition of Berth's. `command` makes a Debian machine a node when it is pasted into a shell of root's there.
#[utoipa::path(post, path = "/compute/hypervisors/enrolmentTokens", tag = "Hypervisors",
    request_body = CreateEnrolmentToken,
    responses((status = 201, description = "The token.", body = Data<EnrolmentToken>),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_enrolment_token(
    State(ctx): State<Context>,
    actor: Actor,
    BaseUrl(here): BaseUrl,
    Body(input): Body<CreateEnrolmentToken>,
) -> Result<(StatusCode, Json<Data<EnrolmentToken>>), Error> {
    let name = input.name.unwrap_or_else(|| format!("node-{}", ctx.rng.letters_and_digits(6).to_lowercase()));
    let control_url = input.control_url.unwrap_or(here);
    let made = enrolment::create_token(&ctx, &actor, name.trim(), input.group_id, &control_url).await?;
    let enrolment::NewToken { token, expires_at, command } = made;
    Ok((StatusCode::CREATED, Json(Data { data: EnrolmentToken { token, expires: time::offset(expires_at), command } })))
}

async fn one(ctx: &Context, row: entity::Model) -> Result<Json<Data<Hypervisor>>, Error> {
    let data = whole(ctx, vec![row]).await?.pop().ok_or(Error::NotFound(NODE))?;
    Ok(Json(Data { data }))
}

async fn whole(ctx: &Context, rows: Vec<entity::Model>) -> Result<Vec<Hypervisor>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let group_ids: Vec<i64> = rows.iter().map(|row| row.group_id).collect();
    let groups = hypervisor_group::by_ids(ctx.store.read(), &group_ids).await?;
    let networks = hypervisor_network::of_hypervisors(ctx.store.read(), &ids).await?;
    let tests = selftest::newest(ctx.store.read(), &ids).await?;
    let filters = job::newest_on(ctx.store.read(), &ids, Kind::Filters.name()).await?;
    let points = storage_point::of_hypervisors(ctx.store.read(), &ids).await?;
    let sums = server::allocated(ctx.store.read(), &ids).await?;
    let node = |row: entity::Model| {
        let tested = tests.iter().find(|test| test.hypervisor_id == row.id).cloned();
        let group = groups.iter().find(|group| group.id == row.group_id).cloned()?;
        let allocated = sums.iter().find(|(id, _)| *id == row.id).map(|(_, sum)| sum.clone()).unwrap_or_default();
        let others = points.iter().filter(|point| point.hypervisor_id == row.id && !point.is_local).cloned();
        let found = |point| Found { node: row.clone(), allocated: allocated.clone(), point };
        let storage = others.map(|point| storage_points::shown(found(point))).collect();
        let own = networks.iter().filter(|network| network.hypervisor_id == row.id).cloned().collect();
        let written = filters.iter().find(|job| job.hypervisor_id == Some(row.id)).cloned();
        let settings = network_filters::settings(written);
        Some(Hypervisor { selftest: tested.map(hypervisor_checks::shown), storage, settings, ..shown(row, group, own) })
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
        max_storage_gib,
        cpu_overcommit_percent,
        memory_overcommit_percent,
        storage_overcommit_percent,
        default_disk_type,
        default_disk_cache_type,
        data_dir: _,
        timezone: _,
        facts: _,
        facts_at: _,
        certificate_serial,
        certificate_expires_at: _,
        key_sha256: _,
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
        max_storage: max_storage_gib,
        cpu_overcommit_percent,
        memory_overcommit_percent,
        storage_overcommit_percent,
        disk_type: default_disk_type,
        disk_cache_type: default_disk_cache_type,
        backup_storage_type: hypervisors::BACKUP_STORAGE_TYPE,
        networks: networks.into_iter().map(network).collect(),
        storage: Vec::new(),
        accelerator,
        accelerator_detail,
        agent_version,
        selftest: None,
        settings: HypervisorSettings::default(),
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
