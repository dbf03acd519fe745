//! Another package for a server: what it has becomes what the package says, all of it or what is asked for.

use berth_api::v1::server_change::ChangePackage;
use berth_store::{
    Tx,
    entity::{package, server, server_disk, server_interface, user},
    package as packages,
    server_change::{self, Changes, DiskLimits},
    server_disk as disks, server_interface as interfaces,
};
use serde_json::{Value, json};

use super::{self_service::resize, server_capacity, server_change::Changing, server_resources::limits};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    placement::Demand,
    self_service::follow,
};

/// Answers a sentence for each value that stays as it is.
pub async fn change(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    package_id: i64,
    input: ChangePackage,
) -> Result<Vec<String>, Error> {
    apply(ctx, actor, (server_id, package_id), input, None).await
}

/// All of a package for a server of a customer's own, as far as their right to it goes.
pub async fn resize(
    ctx: &Context,
    actor: &Actor,
    owner: &user::Model,
    server_id: i64,
    package_id: i64,
) -> Result<(), Error> {
    let ids = (server_id, package_id);
    apply(ctx, actor, ids, ChangePackage::default(), Some(owner.clone())).await.map(drop)
}

async fn apply(
    ctx: &Context,
    actor: &Actor,
    (server_id, package_id): (i64, i64),
    input: ChangePackage,
    owner: Option<user::Model>,
) -> Result<Vec<String>, Error> {
    actor.require(Ability::Write)?;
    let changing = Changing::new(ctx, actor);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (changing, owner) = (changing.clone(), owner.clone());
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let package = packages::by_id(tx, package_id).await?.filter(|package| package.enabled);
            let package = package.ok_or_else(|| Error::invalid("Invalid or disabled package"))?;
            let all = disks::of_server(tx, row.id).await?;
            let disk = all.iter().find(|disk| disk.is_primary).cloned();
            let interface = interfaces::of_server(tx, row.id).await?.into_iter().find(|row| row.is_primary);
            let held = Held::of(&row, disk.as_ref(), interface.as_ref());
            let (wanted, info) = held.with(&package, input);
            let point = disk.as_ref().and_then(|disk| disk.storage_point_id);
            server_capacity::take(tx, row.hypervisor_id, held.more(&wanted), point).await?;
            if let Some(owner) = &owner {
                resize::check_in(tx, owner, &row, &package, &all, changing.now).await?;
            }
            write(&changing, tx, &row, &package, (&held, &wanted), (disk, interface)).await?;
            follow::package(tx, &row, &package).await?;
            let (before, after) = (held.shown(row.package_id), wanted.shown(package.id));
            changing.record(tx, "change_package", &row, before, after).await?;
            Ok(info)
        })
    });
    let info = changed.await?;
    ctx.nudge.notify_one();
    Ok(info)
}

async fn write(
    changing: &Changing,
    tx: &Tx,
    row: &server::Model,
    package: &package::Model,
    (held, wanted): (&Held, &Held),
    (disk, interface): (Option<server_disk::Model>, Option<server_interface::Model>),
) -> Result<(), Error> {
    if let Some(disk) = disk {
        server_change::change_disk(tx, disk.id, wanted.storage_gib, wanted.limits, changing.now).await?;
    }
    if let Some(interface) = interface {
        let speeds = (wanted.in_average_kbs, wanted.out_average_kbs);
        server_change::change_speed(tx, interface.id, speeds, wanted.packets_s, changing.now).await?;
    }
    let changes = Changes {
        package_id: Some(package.id),
        memory_mib: Some(wanted.memory_mib),
        cpu_cores: Some(wanted.cpu_cores),
        traffic_gb: Some(wanted.traffic_gb),
        backup_plan_id: Some(wanted.backup_plan_id),
        ..Changes::default()
    };
    // The allowance of traffic and the backups are not the node's business.
    let same_for_node =
        Held { traffic_gb: held.traffic_gb, backup_plan_id: held.backup_plan_id, ..wanted.clone() } == *held;
    if same_for_node {
        changing.write(tx, row, changes, false).await?;
    } else {
        changing.write_for_node(tx, row, changes).await?;
    }
    Ok(())
}

/// What a server has of what a package says.
#[derive(Clone, Debug, Default, PartialEq)]
struct Held {
    memory_mib: i64,
    cpu_cores: i64,
    traffic_gb: i64,
    storage_gib: i64,
    limits: DiskLimits,
    in_average_kbs: i64,
    out_average_kbs: i64,
    packets_s: i64,
    backup_plan_id: Option<i64>,
}

impl Held {
    fn of(row: &server::Model, disk: Option<&server_disk::Model>, interface: Option<&server_interface::Model>) -> Self {
        Self {
            memory_mib: row.memory_mib,
            cpu_cores: row.cpu_cores,
            traffic_gb: row.traffic_gb,
            storage_gib: disk.map_or(0, |disk| disk.capacity_gib),
            limits: disk.map(limits).unwrap_or_default(),
            in_average_kbs: interface.map_or(0, |row| row.in_average_kbs),
            out_average_kbs: interface.map_or(0, |row| row.out_average_kbs),
            packets_s: interface.map_or(0, |row| row.packets_s),
            backup_plan_id: row.backup_plan_id,
        }
    }

    /// What it has with the package's values, as far as they are asked for; and a sentence for each that is asked for
    /// and stays.
    fn with(&self, package: &package::Model, input: ChangePackage) -> (Self, Vec<String>) {
        let mut wanted = self.clone();
        let mut info = Vec::new();
        take(&mut info, input.memory, "memory", &mut wanted.memory_mib, package.memory_mib);
        take(&mut info, input.cpu, "CPU cores", &mut wanted.cpu_cores, package.cpu_cores);
        if input.primary_disk_size != Some(false) {
            if package.primary_storage_gib > self.storage_gib {
                wanted.storage_gib = package.primary_storage_gib;
            } else {
                info.push("primary disk not updated. It either matches or is lower than the current value".to_owned());
            }
        }
        let Self { traffic_gb, in_average_kbs, out_average_kbs, .. } = &mut wanted;
        take(&mut info, input.primary_network_traffic, "traffic", traffic_gb, package.traffic_gb);
        for (asked, what, place, value) in [
            (input.primary_network_inbound_speed, "inbound", in_average_kbs, package.network_in_kbs),
            (input.primary_network_outbound_speed, "outbound", out_average_kbs, package.network_out_kbs),
        ] {
            take(&mut info, asked, &format!("primary network speed {what}"), place, value);
        }
        // Published answers know nothing of it: what stays is said only where there is a bound.
        let mut unsaid = Vec::new();
        let said = if package.packets_s == 0 { &mut unsaid } else { &mut info };
        let asked = input.primary_network_packets_per_second;
        take(said, asked, "primary network packets per second", &mut wanted.packets_s, package.packets_s);
        let plan = Some(package.backup_plan_id).filter(|id| *id > 0);
        take(&mut info, input.backup_plan, "backup plan", &mut wanted.backup_plan_id, plan);
        let DiskLimits { read_bytes_s, write_bytes_s, read_iops, write_iops } = &mut wanted.limits;
        for (asked, what, place, value) in [
            (input.primary_disk_read_iops, "read IOPS", read_iops, package.read_iops),
            (input.primary_disk_write_iops, "write IOPS", write_iops, package.write_iops),
            (input.primary_disk_read_throughput, "read bytes/sec", read_bytes_s, package.read_bytes_s),
            (input.primary_disk_write_throughput, "write bytes/sec", write_bytes_s, package.write_bytes_s),
        ] {
            take(&mut info, asked, what, place, value);
        }
        (wanted, info)
    }

    fn more(&self, wanted: &Self) -> Demand {
        Demand {
            memory_mib: wanted.memory_mib - self.memory_mib,
            cpu_cores: wanted.cpu_cores - self.cpu_cores,
            storage_gib: wanted.storage_gib - self.storage_gib,
        }
    }

    fn shown(&self, package_id: i64) -> Value {
        let DiskLimits { read_bytes_s, write_bytes_s, read_iops, write_iops } = self.limits;
        json!({
            "package": package_id,
            "memory": self.memory_mib,
            "cpuCores": self.cpu_cores,
            "traffic": self.traffic_gb,
            "storage": self.storage_gib,
            "bytes": { "read": read_bytes_s, "write": write_bytes_s },
            "iops": { "read": read_iops, "write": write_iops },
            "network": { "in": self.in_average_kbs, "out": self.out_average_kbs, "packets": self.packets_s },
            "backupPlan": self.backup_plan_id,
        })
    }
}

/// Takes a value over unless it is not asked for; one that stays is said.
fn take<T: PartialEq>(info: &mut Vec<String>, asked: Option<bool>, what: &str, place: &mut T, value: T) {
    if asked == Some(false) {
        return;
    }
    if *place == value {
        info.push(format!("{what} not updated. It matches the current value"));
    } else {
        *place = value;
    }
}
