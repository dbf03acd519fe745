//! What a new server is to be, from the request and its package; every mistake is told at once.

use berth_api::v1::server_input::CreateServer;
use berth_store::{
    entity::package,
    server_disk::{NewDisk, STATUS_PLANNED, STATUS_READY},
};
use uuid::Uuid;

use crate::{placement::Demand, random::Rng};

const MEMORY_MIB: (i64, i64) = (64, 4 << 20);
const CPU_CORES: (i64, i64) = (1, 512);
const DISK_GIB: (i64, i64) = (1, 64 << 10);
const TRAFFIC_GB: (i64, i64) = (0, 10_000_000);
/// kB/s; a tenth of a terabyte.
const SPEED_KBS: (i64, i64) = (0, 100_000_000);
const IPV4: (i64, i64) = (0, 256);
const PROFILE: (i64, i64) = (0, 255);
/// In these lists a single one of it means "none".
const FORCE_NONE: i64 = -1;

/// A request whose values are all within their bounds. What is `None` comes from the package.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub package_id: i64,
    pub user_id: i64,
    pub group_id: i64,
    pub ipv4: u32,
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
        // There are no rulesets and asset groups that an id could name.
        let names_none = |list: &Option<Vec<i64>>| list.iter().flatten().all(|id| *id == FORCE_NONE);
        if !names_none(&input.firewall_rulesets) {
            errors.push("Invalid or disabled firewall ruleset".to_owned());
        }
        if !names_none(&input.hypervisor_asset_groups) {
            errors.push("Invalid or disabled hypervisor asset group".to_owned());
        }
        let more_disks = more_disks(&mut errors, &input);
        if !errors.is_empty() {
            return Err(errors);
        }
        let ipv4 = u32::try_from(input.ipv4.unwrap_or(1)).unwrap_or(1);
        Ok(Self { package_id, user_id, group_id, ipv4, input, more_disks })
    }

    /// Fills in what the package says; storage of other types than the local one does not exist.
    pub fn plan(&self, package: &package::Model, rng: &dyn Rng) -> Result<Plan, Vec<String>> {
        let profile = |asked: Option<i64>, packaged: i32| asked.map_or(packaged, |asked| asked.try_into().unwrap_or(0));
        let storage_profile = profile(self.input.storage_profile, package.storage_profile);
        let unknown = std::iter::once(storage_profile).chain(self.more_disks.iter().map(|(_, profile)| *profile));
        let errors = unknown
            .filter(|profile| !matches!(profile, 0 | 1))
            .map(|profile| format!("No hypervisor has storage with the profile {profile}."))
            .collect::<Vec<_>>();
        if !errors.is_empty() {
            return Err(errors);
        }
        let format = if package.disk_type == "raw" { "raw" } else { "qcow2" };
        let primary = (self.input.storage.unwrap_or(package.primary_storage_gib), storage_profile);
        let disks = (1..).zip(std::iter::once(&primary).chain(&self.more_disks)).map(|(position, disk)| NewDisk {
            position,
            volume_uuid: rng.uuid(),
            capacity_gib: disk.0,
            profile: disk.1,
            format: format.to_owned(),
            status: if position == 1 { STATUS_READY } else { STATUS_PLANNED },
            enabled: position == 1,
            read_bytes_s: package.read_bytes_s,
            write_bytes_s: package.write_bytes_s,
            read_iops: package.read_iops,
            write_iops: package.write_iops,
        });
        Ok(Plan {
            memory_mib: self.input.memory.unwrap_or(package.memory_mib),
            cpu_cores: self.input.cpu_cores.unwrap_or(package.cpu_cores),
            traffic_gb: self.input.traffic.unwrap_or(package.traffic_gb),
            in_average_kbs: self.input.network_speed_inbound.unwrap_or(package.network_in_kbs),
            out_average_kbs: self.input.network_speed_outbound.unwrap_or(package.network_out_kbs),
            storage_profile,
            network_profile: profile(self.input.network_profile, package.network_profile),
            disks: disks.collect(),
        })
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

    /// The server's volumes, in the order of its disks.
    pub fn volumes(&self) -> impl Iterator<Item = Uuid> {
        self.disks.iter().map(|disk| disk.volume_uuid)
    }
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
            firewall_rulesets: Some(vec![1]),
            hypervisor_asset_groups: Some(vec![-1, 3]),
            additional_storage1_enable: Some(true),
            ..Default::default()
        };
        let errors = Order::check(input).unwrap_err();
        assert_eq!(errors.len(), 10, "{errors:#?}");
        assert!(errors.contains(&"Invalid or disabled firewall ruleset".to_owned()));
    }

    #[test]
    fn minus_one_and_an_empty_list_name_no_ruleset() {
        for list in [None, Some(vec![]), Some(vec![-1])] {
            let input = CreateServer { firewall_rulesets: list, ..valid() };
            assert_eq!(Order::check(input).unwrap().ipv4, 1);
        }
    }
}
