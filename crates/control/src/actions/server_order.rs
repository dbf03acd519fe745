//! What a new server is to be, from the request and its package; every mistake is told at once.

use berth_api::v1::server_input::CreateServer;
use berth_store::{
    entity::{hypervisor, package, storage_point},
    server_disk::{Hardware, NewDisk, STATUS_PLANNED, STATUS_READY},
};
use uuid::Uuid;

use crate::{
    placement::{Demand, DiskWanted, Pool, Wanted},
    random::Rng,
};

pub(super) const MEMORY_MIB: (i64, i64) = (64, 4 << 20);
/// The Global API's.
pub(super) const CPU_CORES: (i64, i64) = (1, 600);
pub(super) const DISK_GIB: (i64, i64) = (1, 64 << 10);
/// GB a period; 0 is unmetered.
pub(super) const TRAFFIC_GB: (i64, i64) = (0, 999_999_999);
/// kB/s; a tenth of a terabyte.
const SPEED_KBS: (i64, i64) = (0, 100_000_000);
const IPV4: (i64, i64) = (0, 256);
const PROFILE: (i64, i64) = (0, 255);
const MOST_ASSET_GROUPS: usize = 16;
/// In these lists a single one of it means "none".
const FORCE_NONE: i64 = -1;

/// A request whose values are all within their bounds. What is `None` comes from the package.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub package_id: i64,
    pub user_id: i64,
    pub group_id: i64,
    pub ipv4: u32,
    /// Ids of rulesets in order; `None`: what the package says.
    pub firewall: Option<Vec<i64>>,
    /// Kept for when there are such groups.
    pub asset_groups: Vec<i64>,
    /// Of the template that it will be built from, where it is named.
    pub template_id: Option<i64>,
    input: CreateServer,
    /// Capacity and profile of the second and third disk.
    more_disks: Vec<(i64, i32)>,
}

/// What is placed.
#[derive(Clone, Debug)]
pub struct Plan {
    pub memory_mib: i64,
    pub cpu_cores: i64,
    pub traffic_gb: i64,
    pub in_average_kbs: i64,
    pub out_average_kbs: i64,
    pub packets_s: i64,
    pub storage_profile: i32,
    pub network_profile: i32,
    pub disks: Vec<NewDisk>,
}

impl Order {
    pub fn check(input: CreateServer) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let package_id = required(&mut errors, "packageId", input.package_id);
        let user_id = required(&mut errors, "userId", input.user_id);
        let group_id = required(&mut errors, "hypervisorId", input.hypervisor_id);
        within(&mut errors, "memory", input.memory, MEMORY_MIB);
        within(&mut errors, "cpuCores", input.cpu_cores, CPU_CORES);
        within(&mut errors, "storage", input.storage, DISK_GIB);
        within(&mut errors, "traffic", input.traffic, TRAFFIC_GB);
        within(&mut errors, "networkSpeedInbound", input.network_speed_inbound, SPEED_KBS);
        within(&mut errors, "networkSpeedOutbound", input.network_speed_outbound, SPEED_KBS);
        within(&mut errors, "storageProfile", input.storage_profile, PROFILE);
        within(&mut errors, "networkProfile", input.network_profile, PROFILE);
        within(&mut errors, "ipv4", input.ipv4, IPV4);
        let asset_groups = asset_groups(&mut errors, input.hypervisor_asset_groups.as_deref().unwrap_or_default());
        let more_disks = more_disks(&mut errors, &input);
        if !errors.is_empty() {
            return Err(errors);
        }
        let ipv4 = u32::try_from(input.ipv4.unwrap_or(1)).unwrap_or(1);
        let firewall = input.firewall_rulesets.clone().filter(|ids| !ids.is_empty());
        let firewall = firewall.map(|ids| ids.into_iter().filter(|id| *id != FORCE_NONE).collect());
        let template_id = input.operating_system_id.filter(|id| *id != 0);
        Ok(Self { package_id, user_id, group_id, ipv4, firewall, asset_groups, template_id, input, more_disks })
    }

    /// Fills in what the package says; a disk format that is inherited is the node's to say.
    pub fn plan(&self, package: &package::Model, rng: &dyn Rng) -> Plan {
        let profile = |asked: Option<i64>, packaged: i32| asked.map_or(packaged, |asked| asked.try_into().unwrap_or(0));
        let storage_profile = profile(self.input.storage_profile, package.storage_profile);
        let primary = (self.input.storage.unwrap_or(package.primary_storage_gib), storage_profile);
        let disks = (1..).zip(std::iter::once(&primary).chain(&self.more_disks)).map(|(position, disk)| NewDisk {
            position,
            volume_uuid: rng.uuid(),
            capacity_gib: disk.0,
            profile: disk.1,
            format: package.disk_type.clone(),
            status: if position == 1 { STATUS_READY } else { STATUS_PLANNED },
            enabled: position == 1,
            read_bytes_s: package.read_bytes_s,
            write_bytes_s: package.write_bytes_s,
            read_iops: package.read_iops,
            write_iops: package.write_iops,
            storage_point_id: None,
            hardware: Hardware::default(),
            filesystem: None,
        });
        Plan {
            memory_mib: self.input.memory.unwrap_or(package.memory_mib),
            cpu_cores: self.input.cpu_cores.unwrap_or(package.cpu_cores),
            traffic_gb: self.input.traffic.unwrap_or(package.traffic_gb),
            in_average_kbs: self.input.network_speed_inbound.unwrap_or(package.network_in_kbs),
            out_average_kbs: self.input.network_speed_outbound.unwrap_or(package.network_out_kbs),
            packets_s: package.packets_s,
            storage_profile,
            network_profile: profile(self.input.network_profile, package.network_profile),
            disks: disks.collect(),
        }
    }
}

impl Plan {
    pub fn demand(&self) -> Demand {
        Demand {
            memory_mib: self.memory_mib,
            cpu_cores: self.cpu_cores,
            storage_gib: self.disks.iter().map(|disk| disk.capacity_gib).sum(),
        }
    }

    /// What it wants of its node. Whoever has taken its addresses already says so by `ipv4` 0.
    pub fn wanted(&self, ipv4: u32, arch: Option<i32>) -> Wanted {
        Wanted { demand: self.demand(), disks: self.wanted_disks(), network_profile: self.network_profile, ipv4, arch }
    }

    pub fn wanted_disks(&self) -> Vec<DiskWanted> {
        self.disks.iter().map(|disk| DiskWanted { gib: disk.capacity_gib, profile: disk.profile }).collect()
    }

    /// Its disks on a node, each on the storage that is named for it. A format that the package inherits is the
    /// storage's, then the node's, then qcow2; where disks are devices they are raw, whatever was asked for.
    pub fn disks_on(&self, node: &hypervisor::Model, points: &[storage_point::Model], on: &[Pool]) -> Vec<NewDisk> {
        let mut disks = self.disks.clone();
        for (disk, pool) in disks.iter_mut().zip(on) {
            disk.format = format_on(&disk.format, pool, points, node);
            disk.storage_point_id = pool.point;
        }
        disks
    }

    /// The server's volumes, in the order of its disks.
    pub fn volumes(&self) -> impl Iterator<Item = Uuid> {
        self.disks.iter().map(|disk| disk.volume_uuid)
    }
}

/// The format of a disk on a storage, see [`Plan::disks_on`].
pub(super) fn format_on(asked: &str, pool: &Pool, points: &[storage_point::Model], node: &hypervisor::Model) -> String {
    if !pool.kind.keeps_files() {
        return "raw".to_owned();
    }
    let point = points.iter().find(|point| pool.point == Some(point.id));
    let said = [asked, point.map_or("", |point| &point.disk_format), &node.default_disk_type];
    let known = said.into_iter().find(|format| ["qcow2", "raw"].contains(format));
    known.unwrap_or("qcow2").to_owned()
}

fn required(errors: &mut Vec<String>, name: &str, value: Option<i64>) -> i64 {
    match value {
        Some(value) if value > 0 => value,
        Some(_) => {
            errors.push(format!("The {name} must be a valid id."));
            0
        }
        None => {
            errors.push(format!("The {name} field is required."));
            0
        }
    }
}

fn within(errors: &mut Vec<String>, name: &str, value: Option<i64>, (least, most): (i64, i64)) {
    if value.is_some_and(|value| !(least..=most).contains(&value)) {
        errors.push(format!("The {name} must be between {least} and {most}."));
    }
}

/// Without repetitions. There are none yet that an id could be compared with.
fn asset_groups(errors: &mut Vec<String>, asked: &[i64]) -> Vec<i64> {
    let mut groups = Vec::new();
    for id in asked.iter().copied().filter(|id| *id != FORCE_NONE) {
        if !groups.contains(&id) {
            groups.push(id);
        }
    }
    if groups.len() > MOST_ASSET_GROUPS || groups.iter().any(|id| *id <= 0) {
        errors.push(format!(
            "The hypervisorAssetGroups must be at most {MOST_ASSET_GROUPS} ids of groups, or -1 for none."
        ));
    }
    groups
}

fn more_disks(errors: &mut Vec<String>, input: &CreateServer) -> Vec<(i64, i32)> {
    let asked = [
        (1, input.additional_storage1_enable, input.additional_storage1_capacity, input.additional_storage1_profile),
        (2, input.additional_storage2_enable, input.additional_storage2_capacity, input.additional_storage2_profile),
    ];
    let mut disks = Vec::new();
    for (n, enable, capacity, profile) in asked {
        let name = format!("additionalStorage{n}Capacity");
        within(errors, &name, capacity, DISK_GIB);
        within(errors, &format!("additionalStorage{n}Profile"), profile, PROFILE);
        if enable != Some(true) {
            continue;
        }
        match capacity {
            Some(capacity) => disks.push((capacity, profile.and_then(|profile| profile.try_into().ok()).unwrap_or(0))),
            None => errors.push(format!("The {name} field is required.")),
        }
    }
    disks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> CreateServer {
        CreateServer { package_id: Some(1), user_id: Some(1), hypervisor_id: Some(1), ..Default::default() }
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let input = CreateServer {
            memory: Some(0),
            storage: Some(-5),
            cpu_cores: Some(100_000),
            ipv4: Some(257),
            hypervisor_asset_groups: Some(vec![-1, 0]),
            additional_storage1_enable: Some(true),
            ..Default::default()
        };
        let errors = Order::check(input).unwrap_err();
        assert_eq!(errors.len(), 9, "{errors:#?}");
        let groups = "The hypervisorAssetGroups must be at most 16 ids of groups, or -1 for none.";
        assert!(errors.contains(&groups.to_owned()), "{errors:#?}");
    }

    #[test]
    fn asset_groups_are_kept_once_each_and_minus_one_is_none() {
        for (list, wanted) in [(None, vec![]), (Some(vec![-1]), vec![]), (Some(vec![4, 3, 4]), vec![4, 3])] {
            let input = CreateServer { hypervisor_asset_groups: list, ..valid() };
            assert_eq!(Order::check(input).unwrap().asset_groups, wanted);
        }
        let many = CreateServer { hypervisor_asset_groups: Some((1..=17).collect()), ..valid() };
        assert_eq!(Order::check(many).unwrap_err().len(), 1);
    }

    #[test]
    fn minus_one_forces_no_ruleset_and_an_empty_list_leaves_it_to_the_package() {
        for (list, wanted) in
            [(None, None), (Some(vec![]), None), (Some(vec![-1]), Some(vec![])), (Some(vec![2, 1]), Some(vec![2, 1]))]
        {
            let input = CreateServer { firewall_rulesets: list, ..valid() };
            assert_eq!(Order::check(input).unwrap().firewall, wanted);
        }
    }
}
