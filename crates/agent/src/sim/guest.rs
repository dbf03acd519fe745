//! A guest that runs, in memory: what it can take while it runs, and what waits for its next start.

use berth_proto::{DiskSpec, ServerSpec};

use crate::{cloud_init, live_disks};

/// A guest can be given this many times the processors and the memory that it was started with.
const HEADROOM: u64 = 2;

pub struct SimGuest {
    /// What it has.
    pub has: ServerSpec,
    most_vcpus: u32,
    most_memory_mib: u64,
    /// What it read of its network when it was started.
    network: String,
    /// It gives up no disk while it runs.
    pub holds_disks: bool,
}

impl SimGuest {
    pub fn start(spec: &ServerSpec) -> Self {
        Self {
            has: spec.clone(),
            most_vcpus: spec.vcpus.saturating_mul(u32::try_from(HEADROOM).unwrap_or(1)),
            most_memory_mib: spec.memory_mib.saturating_mul(HEADROOM),
            network: cloud_init::network_hash(spec),
            holds_disks: false,
        }
    }

    /// Takes of a specification what a running guest can take: memory within its bound, more processors, the throttle,
    /// speeds of interfaces and limits of disks, larger disks, further ones but of SATA, and fewer.
    pub fn take(&mut self, spec: &ServerSpec) {
        if spec.memory_mib <= self.most_memory_mib {
            self.has.memory_mib = spec.memory_mib;
        }
        if (self.has.vcpus..=self.most_vcpus).contains(&spec.vcpus) {
            self.has.vcpus = spec.vcpus;
        }
        self.has.cpu_throttle_percent = spec.cpu_throttle_percent;
        self.has.interfaces.clone_from(&spec.interfaces);
        self.take_disks(&spec.disks);
    }

    fn take_disks(&mut self, wanted: &[DiskSpec]) {
        let is_same = |one: &DiskSpec, other: &DiskSpec| one.volume_uuid == other.volume_uuid;
        if !self.holds_disks {
            self.has.disks.retain(|disk| wanted.iter().any(|wanted| is_same(wanted, disk)));
        }
        for wanted in wanted {
            match self.has.disks.iter_mut().find(|disk| is_same(disk, wanted)) {
                Some(disk) => (disk.capacity_gib, disk.limits) = (wanted.capacity_gib, wanted.limits),
                None if wanted.bus == "sata" => {}
                None => self.has.disks.push(wanted.clone()),
            }
        }
    }

    /// In the words of `ObservedServer.waits_for_start`.
    pub fn waits_for(&self, spec: &ServerSpec) -> Vec<String> {
        let mut waits = Vec::new();
        if self.has.memory_mib != spec.memory_mib {
            waits.push("memory".to_owned());
        }
        if self.has.vcpus != spec.vcpus {
            waits.push("cpu".to_owned());
        }
        let lacks = spec.disks.iter().filter(|wanted| !self.has.disks.contains(wanted));
        let left_out =
            self.has.disks.iter().filter(|has| spec.disks.iter().all(|wanted| wanted.volume_uuid != has.volume_uuid));
        waits.extend(lacks.chain(left_out).map(|disk| live_disks::word(disk.index)));
        if self.network != cloud_init::network_hash(spec) {
            waits.push("addresses".to_owned());
        }
        if definition(&self.has) != definition(spec) {
            waits.push("definition".to_owned());
        }
        waits
    }
}

/// What only a start gives to a guest.
fn definition(spec: &ServerSpec) -> ServerSpec {
    ServerSpec {
        firmware: spec.firmware,
        boot_order: spec.boot_order.clone(),
        machine: spec.machine.clone(),
        cpu_model: spec.cpu_model.clone(),
        tpm_version: spec.tpm_version.clone(),
        custom_xml: spec.custom_xml.clone(),
        ..ServerSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use berth_proto::CustomXml;

    use super::*;

    fn spec(vcpus: u32, memory_mib: u64, disks: &[(u32, u64)]) -> ServerSpec {
        let disks = disks.iter().map(|(index, capacity_gib)| DiskSpec {
            volume_uuid: format!("volume {index}"),
            index: *index,
            capacity_gib: *capacity_gib,
            ..Default::default()
        });
        ServerSpec { vcpus, memory_mib, disks: disks.collect(), ..Default::default() }
    }

    #[test]
    fn a_running_guest_takes_what_it_can_and_the_rest_waits() {
        let mut guest = SimGuest::start(&spec(2, 512, &[(1, 5)]));
        for (wanted, waits) in [
            (spec(4, 1024, &[(1, 8)]), &[] as &[&str]),
            (spec(3, 768, &[(1, 8)]), &["cpu"]),
            (spec(5, 2048, &[(1, 8), (2, 1)]), &["memory", "cpu"]),
            (spec(5, 2048, &[(1, 8)]), &["memory", "cpu"]),
            (ServerSpec { machine: "pc".to_owned(), ..spec(4, 768, &[(1, 8)]) }, &["definition"]),
            (ServerSpec { custom_xml: Some(CustomXml::default()), ..spec(4, 768, &[(1, 8)]) }, &["definition"]),
        ] {
            guest.take(&wanted);
            assert_eq!(guest.waits_for(&wanted), waits);
            assert_eq!(SimGuest::start(&wanted).waits_for(&wanted), [] as [String; 0], "its next start has all");
        }
        assert_eq!((guest.has.vcpus, guest.has.memory_mib), (4, 768));
    }

    #[test]
    fn disks_of_sata_wait_and_so_does_what_the_guest_holds() {
        let two = spec(1, 1, &[(1, 8), (2, 1)]);
        let mut guest = SimGuest::start(&spec(1, 1, &[(1, 8)]));
        let mut sata = two.clone();
        sata.disks[1].bus = "sata".to_owned();
        guest.take(&sata);
        assert_eq!(guest.waits_for(&sata), ["disk:vdb"]);
        guest.take(&two);
        assert_eq!(guest.waits_for(&two), [] as [String; 0]);
        assert_eq!(guest.waits_for(&sata), ["disk:vdb"], "another bus");
        guest.holds_disks = true;
        let one = spec(1, 1, &[(1, 8)]);
        guest.take(&one);
        assert_eq!(guest.waits_for(&one), ["disk:vdb"]);
    }
}
