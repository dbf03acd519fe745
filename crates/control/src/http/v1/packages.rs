//! Packages.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    time,
    v1::{
        confirm::Confirm,
        package::{CreatePackage, Package, UpdatePackage},
    },
};
use berth_store::{entity::package as entity, package};

use crate::{
    Context, Error,
    actions::packages,
    actor::{Ability, Actor},
    http::extract::{self, Body},
};

const PACKAGE: &str = "package";

/// Retrieve packages, all of them.
#[utoipa::path(get, path = "/packages", tag = "Packages",
    responses((status = 200, description = "The packages.", body = Data<Vec<Package>>)))]
pub async fn list(State(ctx): State<Context>, actor: Actor) -> Result<Json<Data<Vec<Package>>>, Error> {
    actor.require(Ability::Read)?;
    let rows = package::all(ctx.store.read()).await?;
    Ok(Json(Data { data: rows.into_iter().map(shown).collect() }))
}

/// Retrieve a package.
#[utoipa::path(get, path = "/packages/{packageId}", tag = "Packages",
    params(("packageId" = i64, Path, description = "A package's id.")),
    responses((status = 200, description = "The package.", body = Data<Package>),
        (status = 404, description = "There is no such package.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Package>>, Error> {
    actor.require(Ability::Read)?;
    let row = package::by_id(ctx.store.read(), extract::id(&id, PACKAGE)?).await?.ok_or(Error::NotFound(PACKAGE))?;
    Ok(Json(Data { data: shown(row) }))
}

/// Create a package.
///
/// A name alone makes a small package that is disabled.
#[utoipa::path(post, path = "/packages", tag = "Packages", request_body = CreatePackage,
    responses((status = 201, description = "The package.", body = Data<Package>),
        (status = 409, description = "The name is another package's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreatePackage>,
) -> Result<(StatusCode, Json<Data<Package>>), Error> {
    let row = packages::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

/// Change a package: what is named, nothing else. Servers that exist keep what they have.
#[utoipa::path(put, path = "/packages/{packageId}", tag = "Packages",
    params(("packageId" = i64, Path, description = "A package's id.")),
    request_body = UpdatePackage,
    responses((status = 200, description = "The package as it is now.", body = Data<Package>),
        (status = 404, description = "There is no such package."),
        (status = 409, description = "The name is another package's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdatePackage>,
) -> Result<Json<Data<Package>>, Error> {
    let row = packages::update(&ctx, &actor, extract::id(&id, PACKAGE)?, input).await?;
    Ok(Json(Data { data: shown(row) }))
}

/// Remove a package that no server is of.
#[utoipa::path(delete, path = "/packages/{packageId}", tag = "Packages",
    params(("packageId" = i64, Path, description = "A package's id.")),
    request_body = Confirm,
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such package."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    packages::remove(&ctx, &actor, extract::id(&id, PACKAGE)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> Package {
    let entity::Model {
        id,
        name,
        description,
        enabled,
        memory_mib,
        primary_storage_gib,
        traffic_gb,
        cpu_cores,
        network_in_kbs,
        network_out_kbs,
        packets_s,
        disk_type,
        storage_profile,
        network_profile,
        read_bytes_s,
        write_bytes_s,
        read_iops,
        write_iops,
        backup_plan_id,
        created_at,
        updated_at: _,
    } = row;
    Package {
        id,
        name,
        description,
        enabled,
        memory: memory_mib,
        primary_storage: primary_storage_gib,
        traffic: traffic_gb,
        cpu_cores,
        primary_network_speed_in: network_in_kbs,
        primary_network_speed_out: network_out_kbs,
        primary_network_packets_per_second: packets_s,
        primary_disk_type: disk_type,
        backup_plan_id,
        primary_storage_read_bytes_sec: read_bytes_s,
        primary_storage_write_bytes_sec: write_bytes_s,
        primary_storage_read_iops_sec: read_iops,
        primary_storage_write_iops_sec: write_iops,
        primary_storage_profile: storage_profile,
        primary_network_profile: network_profile,
        created: time::zulu(created_at),
    }
}
