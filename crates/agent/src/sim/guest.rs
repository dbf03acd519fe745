//! A guest that runs, in memory: what it can take while it runs, and what waits for its next start.

use berth_proto::ServerSpec;

/// A guest can be given this many times the processors and the memory that it was started with.
const HEADROOM: u64 = 2;

pub struct SimGuest {
    /// What it has.
    pub has: ServerSpec,
    most_vcpus: u32,
    most_memory_mib: u64,
}

impl SimGuest {
    pub fn start(spec: &ServerSpec) -> Self {
        Self {
            has: spec.clone(),
            most_vcpus: spec.vcpus.saturating_mul(u32::try_from(HEADROOM).unwrap_or(1)),
            most_memory_mib: spec.memory_mib.saturating_mul(HEADROOM),
        }
    }

    /// Takes of a specification what a running guest can take: memory within its bound, more processors, the throttle,
    /// speeds of interfaces and limits of disks, larger disks.
    pub fn take(&mut self, spec: &ServerSpec) {
        if spec.memory_mib <= self.most_memory_mib {
            self.has.memory_mib = spec.memory_mib;
        }
        if (self.has.vcpus..=self.most_vcpus).contains(&spec.vcpus) {
            self.has.vcpus = spec.vcpus;
        }
        self.has.cpu_throttle_percent = spec.cpu_throttle_percent;
        self.has.interfaces.clone_from(&spec.interfaces);
        for disk in &mut self.has.disks {
            if let Some(wanted) = spec.disks.iter().find(|wanted| wanted.volume_uuid == disk.volume_uuid) {
                disk.clone_from(wanted);
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
        waits.extend(lacks.map(|disk| format!("disk:{}", crate::domain_xml::disk_target(disk.index))));
        if (self.has.firmware, &self.has.boot_order) != (spec.firmware, &spec.boot_order) {
            waits.push("definition".to_owned());
        }
        waits
    }
}

#[cfg(test)]
mod tests {
    use berth_proto::DiskSpec;

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
            (spec(5, 2048, &[(1, 8), (2, 1)]), &["memory", "cpu", "disk:vdb"]),
        ] {
            guest.take(&wanted);
            assert_eq!(guest.waits_for(&wanted), waits);
            assert_eq!(SimGuest::start(&wanted).waits_for(&wanted), [] as [String; 0], "its next start has all");
        }
        assert_eq!((guest.has.vcpus, guest.has.memory_mib), (4, 768));
    }
}
