//! Packages.

use berth_api::v1::package::CreatePackage;
use berth_store::{
    audit,
    entity::package as entity,
    package::{self, NewPackage},
};
use serde_json::json;

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub async fn create(ctx: &Context, actor: &Actor, input: CreatePackage) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    check(&input)?;
    let now = ctx.now();
    let new = NewPackage {
        name: input.name.trim().to_owned(),
        description: input.description,
        enabled: input.enabled,
        memory_mib: input.memory,
        primary_storage_gib: input.primary_storage,
        traffic_gb: input.traffic,
        cpu_cores: input.cpu_cores,
        network_in_kbs: input.primary_network_speed_in,
        network_out_kbs: input.primary_network_speed_out,
        disk_type: input.primary_disk_type,
        storage_profile: input.primary_storage_profile,
        network_profile: input.primary_network_profile,
        read_bytes_s: input.primary_storage_read_bytes_sec,
        write_bytes_s: input.primary_storage_write_bytes_sec,
        read_iops: input.primary_storage_read_iops_sec,
        write_iops: input.primary_storage_write_iops_sec,
    };
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, new) = (actor.clone(), new.clone());
            Box::pin(async move {
                let row = package::insert(tx, new, now).await?;
                let after = json!({ "name": row.name, "memory": row.memory_mib, "primaryStorage": row.primary_storage_gib, "cpuCores": row.cpu_cores });
                audit::record(tx, entry(&actor, now, "create_package", ("package", row.id), None, Some(after))).await?;
                Ok(row)
            })
        })
        .await
        .map_err(|error| match error {
            Error::Store(store) if store.violates("packages", &["name"]) => Error::Conflict("A package of that name exists already.".to_owned()),
            other => other,
        })
}

fn check(input: &CreatePackage) -> Result<(), Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", &input.name, 1, 100);
    rules::text(&mut errors, "description", input.description.as_deref().unwrap_or_default(), 0, 1_000);
    rules::within(&mut errors, "memory", input.memory, 64..=4_194_304);
    rules::within(&mut errors, "primaryStorage", input.primary_storage, 1..=65_536);
    rules::within(&mut errors, "traffic", input.traffic, 0..=1_000_000_000);
    rules::within(&mut errors, "cpuCores", input.cpu_cores, 1..=512);
    rules::within(&mut errors, "primaryNetworkSpeedIn", input.primary_network_speed_in, 0..=100_000_000);
    rules::within(&mut errors, "primaryNetworkSpeedOut", input.primary_network_speed_out, 0..=100_000_000);
    rules::within(&mut errors, "primaryStorageProfile", input.primary_storage_profile.into(), 0..=20);
    rules::within(&mut errors, "primaryNetworkProfile", input.primary_network_profile.into(), 0..=20);
    let limits = [
        ("primaryStorageReadBytesSec", input.primary_storage_read_bytes_sec),
        ("primaryStorageWriteBytesSec", input.primary_storage_write_bytes_sec),
        ("primaryStorageReadIopsSec", input.primary_storage_read_iops_sec),
        ("primaryStorageWriteIopsSec", input.primary_storage_write_iops_sec),
    ];
    for (field, value) in limits {
        rules::within(&mut errors, field, value.unwrap_or(0), 0..=1_000_000_000_000);
    }
    if !["inherit", "qcow2", "raw"].contains(&input.primary_disk_type.as_str()) {
        errors.push("The primaryDiskType must be inherit, qcow2 or raw.".to_owned());
    }
    rules::done(errors)
}
