//! What may be built: templates that fit, by category.

use berth_store::{
    entity::{package, server, template as entity, template_category},
    hypervisor,
    self_service::profile,
    server_disk,
    template::{self, Fitting},
};

use crate::{Context, Error, placement};

const GIB: i64 = 1 << 30;

/// Categories in their order, with their templates.
pub type Choice = Vec<(template_category::Model, Vec<entity::Model>)>;

/// For servers of a package, on whatever node.
pub async fn of_package(ctx: &Context, row: &package::Model) -> Result<Choice, Error> {
    let wanted = Fitting { disk_bytes: bytes(row.primary_storage_gib), package_id: row.id, arch: None };
    Ok(template::available(ctx.store.read(), wanted).await?)
}

/// For a server where it is, as large as it is.
pub async fn of_server(ctx: &Context, row: &server::Model) -> Result<Choice, Error> {
    let db = ctx.store.read();
    let disks = server_disk::of_server(db, row.id).await?;
    let node = hypervisor::by_id(db, row.hypervisor_id).await?;
    let disk_gib = disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib);
    let arch = node.as_ref().and_then(placement::arch);
    let wanted = Fitting { disk_bytes: bytes(disk_gib), package_id: row.package_id, arch };
    let mut found = template::available(db, wanted).await?;
    let offered = profile::offered(db, row.id).await?;
    if !offered.is_empty() {
        found.iter_mut().for_each(|(_, templates)| templates.retain(|template| offered.contains(&template.id)));
        found.retain(|(_, templates)| !templates.is_empty());
    }
    Ok(found)
}

fn bytes(gib: i64) -> i64 {
    gib.saturating_mul(GIB)
}
