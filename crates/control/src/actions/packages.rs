//! Packages: what servers are sold as. Those that exist keep what they have, whatever happens to their package.

use berth_api::v1::{
    confirm::Confirm,
    package::{CreatePackage, UpdatePackage},
};
use berth_store::{
    Tx, audit, backup_plan,
    entity::package as entity,
    package::{self, NewPackage},
    self_service::profile,
    template,
};
use serde_json::{Value, json};

use super::{differences, entry, hypervisors::DISK_TYPES, rules, server_interfaces::MOST_PACKETS_S};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

/// What a package has that is made from a name alone.
const MEMORY_MIB: i64 = 1024;
const STORAGE_GIB: i64 = 10;
const CPU_CORES: i64 = 1;

/// One that does not say how large it is begins disabled.
pub async fn create(ctx: &Context, actor: &Actor, input: CreatePackage) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let sized = input.memory.is_some() && input.primary_storage.is_some() && input.cpu_cores.is_some();
    if input.enabled == Some(true) && !sized {
        return Err(Error::invalid("The enabled can be true only with memory, primaryStorage and cpuCores."));
    }
    let now = ctx.now();
    let new = NewPackage {
        name: input.name.trim().to_owned(),
        description: input.description,
        enabled: input.enabled.unwrap_or(sized),
        memory_mib: input.memory.unwrap_or(MEMORY_MIB),
        primary_storage_gib: input.primary_storage.unwrap_or(STORAGE_GIB),
        traffic_gb: input.traffic,
        cpu_cores: input.cpu_cores.unwrap_or(CPU_CORES),
        network_in_kbs: input.primary_network_speed_in,
        network_out_kbs: input.primary_network_speed_out,
        packets_s: input.primary_network_packets_per_second,
        disk_type: input.primary_disk_type,
        storage_profile: input.primary_storage_profile,
        network_profile: input.primary_network_profile,
        read_bytes_s: input.primary_storage_read_bytes_sec,
        write_bytes_s: input.primary_storage_write_bytes_sec,
        read_iops: input.primary_storage_read_iops_sec,
        write_iops: input.primary_storage_write_iops_sec,
        backup_plan_id: input.backup_plan_id,
    };
    check(&new)?;
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, new) = (actor.clone(), new.clone());
            Box::pin(async move {
                require_plan(tx, new.backup_plan_id).await?;
                let row = package::insert(tx, new, now).await?;
                let after = Some(shown(&row));
                audit::record(tx, entry(&actor, now, "create_package", ("package", row.id), None, after)).await?;
                Ok(row)
            })
        })
        .await
        .map_err(taken)
}

pub async fn update(ctx: &Context, actor: &Actor, id: i64, input: UpdatePackage) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, input) = (actor.clone(), input.clone());
            Box::pin(async move {
                let row = package::by_id(tx, id).await?.ok_or(Error::NotFound("package"))?;
                let changed = apply(row.clone(), input)?;
                let Some((before, after)) = differences(shown(&row), shown(&changed)) else { return Ok(row) };
                require_plan(tx, changed.backup_plan_id).await?;
                let changed = package::update(tx, changed, now).await?;
                let written = entry(&actor, now, "update_package", ("package", id), Some(before), Some(after));
                audit::record(tx, written).await?;
                Ok(changed)
            })
        })
        .await
        .map_err(taken)
}

/// Refused while servers are of this package, or templates are kept for it alone.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    package::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("package"))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let row = package::by_id(tx, id).await?.ok_or(Error::NotFound("package"))?;
                let mut errors = Vec::new();
                let servers = package::servers(tx, id).await?;
                if servers > 0 {
                    errors.push(format!("{servers} servers are of package {}; disable it instead.", row.name));
                }
                let kept = template::kept_for_only(tx, id).await?;
                if !kept.is_empty() {
                    let slugs = kept.join(", ");
                    errors.push(format!("{} templates are kept for this package alone: {slugs}.", kept.len()));
                }
                let profiles = profile::with_package(tx, id).await?;
                if !profiles.is_empty() {
                    errors.push(format!(
                        "{} group profiles sell this package: {}.",
                        profiles.len(),
                        profiles.join(", ")
                    ));
                }
                rules::done(errors)?;
                package::remove(tx, id).await?;
                let written = entry(&actor, now, "remove_package", ("package", id), Some(shown(&row)), None);
                Ok(audit::record(tx, written).await?)
            })
        })
        .await
}

/// 0 is none.
async fn require_plan(tx: &Tx, id: i64) -> Result<(), Error> {
    if id == 0 || backup_plan::by_id(tx, id).await?.is_some() {
        return Ok(());
    }
    Err(Error::invalid("The backupPlanId must be a backup plan's id, or 0 for none."))
}

/// The package as it is to be, within its bounds.
fn apply(row: entity::Model, input: UpdatePackage) -> Result<entity::Model, Error> {
    let UpdatePackage {
        name,
        description,
        enabled,
        memory,
        primary_storage,
        traffic,
        cpu_cores,
        primary_network_speed_in,
        primary_network_speed_out,
        primary_network_packets_per_second,
        primary_disk_type,
        primary_storage_read_bytes_sec,
        primary_storage_write_bytes_sec,
        primary_storage_read_iops_sec,
        primary_storage_write_iops_sec,
        primary_storage_profile,
        primary_network_profile,
        backup_plan_id,
    } = input;
    // One that is too large for the column is out of bounds as well.
    let profile = |value: Option<i64>, known: i32| value.map_or(known, |value| value.try_into().unwrap_or(i32::MAX));
    let wanted = NewPackage {
        name: name.map_or(row.name, |name| name.trim().to_owned()),
        description: description.unwrap_or(row.description),
        enabled: enabled.unwrap_or(row.enabled),
        memory_mib: memory.unwrap_or(row.memory_mib),
        primary_storage_gib: primary_storage.unwrap_or(row.primary_storage_gib),
        traffic_gb: traffic.unwrap_or(row.traffic_gb),
        cpu_cores: cpu_cores.unwrap_or(row.cpu_cores),
        network_in_kbs: primary_network_speed_in.unwrap_or(row.network_in_kbs),
        network_out_kbs: primary_network_speed_out.unwrap_or(row.network_out_kbs),
        packets_s: primary_network_packets_per_second.unwrap_or(row.packets_s),
        disk_type: primary_disk_type.unwrap_or(row.disk_type),
        storage_profile: profile(primary_storage_profile, row.storage_profile),
        network_profile: profile(primary_network_profile, row.network_profile),
        read_bytes_s: primary_storage_read_bytes_sec.unwrap_or(row.read_bytes_s),
        write_bytes_s: primary_storage_write_bytes_sec.unwrap_or(row.write_bytes_s),
        read_iops: primary_storage_read_iops_sec.unwrap_or(row.read_iops),
        write_iops: primary_storage_write_iops_sec.unwrap_or(row.write_iops),
        backup_plan_id: backup_plan_id.unwrap_or(row.backup_plan_id),
    };
    check(&wanted)?;
    Ok(entity::Model {
        id: row.id,
        created_at: row.created_at,
        updated_at: row.updated_at,
        name: wanted.name,
        description: wanted.description,
        enabled: wanted.enabled,
        memory_mib: wanted.memory_mib,
        primary_storage_gib: wanted.primary_storage_gib,
        traffic_gb: wanted.traffic_gb,
        cpu_cores: wanted.cpu_cores,
        network_in_kbs: wanted.network_in_kbs,
        network_out_kbs: wanted.network_out_kbs,
        packets_s: wanted.packets_s,
        disk_type: wanted.disk_type,
        storage_profile: wanted.storage_profile,
        network_profile: wanted.network_profile,
        read_bytes_s: wanted.read_bytes_s,
        write_bytes_s: wanted.write_bytes_s,
        read_iops: wanted.read_iops,
        write_iops: wanted.write_iops,
        backup_plan_id: wanted.backup_plan_id,
    })
}

fn check(new: &NewPackage) -> Result<(), Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", &new.name, 1, 100);
    rules::text(&mut errors, "description", new.description.as_deref().unwrap_or_default(), 0, 1_000);
    rules::within(&mut errors, "memory", new.memory_mib, 64..=4_194_304);
    rules::within(&mut errors, "primaryStorage", new.primary_storage_gib, 1..=65_536);
    rules::within(&mut errors, "traffic", new.traffic_gb, 0..=999_999_999);
    rules::within(&mut errors, "cpuCores", new.cpu_cores, 1..=600);
    rules::within(&mut errors, "primaryNetworkSpeedIn", new.network_in_kbs, 0..=100_000_000);
    rules::within(&mut errors, "primaryNetworkSpeedOut", new.network_out_kbs, 0..=100_000_000);
    rules::within(&mut errors, "primaryNetworkPacketsPerSecond", new.packets_s, 0..=MOST_PACKETS_S);
    rules::within(&mut errors, "primaryStorageProfile", new.storage_profile.into(), 0..=20);
    rules::within(&mut errors, "primaryNetworkProfile", new.network_profile.into(), 0..=20);
    let limits = [
        ("primaryStorageReadBytesSec", new.read_bytes_s),
        ("primaryStorageWriteBytesSec", new.write_bytes_s),
        ("primaryStorageReadIopsSec", new.read_iops),
        ("primaryStorageWriteIopsSec", new.write_iops),
    ];
    for (field, value) in limits {
        rules::within(&mut errors, field, value.unwrap_or(0), 0..=1_000_000_000_000);
    }
    if !DISK_TYPES.contains(&new.disk_type.as_str()) {
        errors.push("The primaryDiskType must be inherit, qcow2 or raw.".to_owned());
    }
    rules::done(errors)
}

fn shown(row: &entity::Model) -> Value {
    json!({
        "name": row.name, "description": row.description, "enabled": row.enabled, "memory": row.memory_mib,
        "primaryStorage": row.primary_storage_gib, "traffic": row.traffic_gb, "cpuCores": row.cpu_cores,
        "primaryNetworkSpeedIn": row.network_in_kbs, "primaryNetworkSpeedOut": row.network_out_kbs,
        "primaryNetworkPacketsPerSecond": row.packets_s,
        "primaryDiskType": row.disk_type, "primaryStorageProfile": row.storage_profile,
        "primaryNetworkProfile": row.network_profile, "primaryStorageReadBytesSec": row.read_bytes_s,
        "primaryStorageWriteBytesSec": row.write_bytes_s, "primaryStorageReadIopsSec": row.read_iops,
        "primaryStorageWriteIopsSec": row.write_iops, "backupPlanId": row.backup_plan_id,
    })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("packages", &["name"]) => {
            Error::Conflict("A package of that name exists already.".to_owned())
        }
        other => other,
    }
}
