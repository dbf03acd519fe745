//! On which storage of a node each disk of a server goes. Pure.
//!
//! Disks that ask for a kind of storage choose first, those that take any come after them. Each goes to the node's own
//! folder where that serves it and has room, otherwise to the storage point that has the most room left. A storage,
//! the node's own folder like any other, takes disks only after its newest test has passed.

use std::cmp::Reverse;

use berth_proto::{ANY_STORAGE, StorageKind};
use berth_store::{
    entity::{hypervisor, storage_point},
    server::Allocated,
};

use super::{Refusal, stretched};

/// A disk that is to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskWanted {
    pub gib: i64,
    /// A code of `berth_proto::StorageKind`; 0 is any.
    pub profile: i32,
}

/// A storage of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// `None` is the node's own folder.
    pub point: Option<i64>,
    pub kind: StorageKind,
    pub enabled: bool,
    /// What its newest test found; nothing before the first.
    pub tested: Option<bool>,
    /// The node can't use it now.
    pub in_trouble: bool,
    pub above_threshold: bool,
    /// What may be given out, over-commit included; 0 is unlimited.
    pub limit_gib: i64,
    pub allocated_gib: i64,
}

/// Why a storage takes no disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolRefusal {
    Disabled,
    Untested,
    Failed,
    Trouble,
    Threshold,
    Full { free: i64 },
}

impl Pool {
    /// The node's own folder, tested and with nothing in its way.
    pub fn local(limit_gib: i64, allocated_gib: i64) -> Self {
        Self {
            point: None,
            kind: StorageKind::Directory,
            enabled: true,
            tested: Some(true),
            in_trouble: false,
            above_threshold: false,
            limit_gib,
            allocated_gib,
        }
    }

    /// Storages of a node from its rows, its own folder first. `local_tested`: what that one's newest test found.
    pub fn of_node(
        row: &hypervisor::Model,
        points: &[storage_point::Model],
        allocated: &Allocated,
        local_tested: Option<bool>,
    ) -> Vec<Self> {
        let limit = |gib: i64| stretched(gib, row.storage_overcommit_percent);
        let mut local = Self::local(limit(row.max_storage_gib), allocated.storage_gib);
        local.tested = local_tested;
        let own = points.iter().filter(|point| point.hypervisor_id == row.id);
        let mut pools = vec![local];
        for point in own {
            let told = Self {
                enabled: point.enabled,
                in_trouble: !point.trouble.is_empty(),
                above_threshold: point.alerted_at.is_some(),
                ..local
            };
            if point.is_local {
                pools[0] = told;
                continue;
            }
            // A kind of a newer release: nothing goes there.
            let Ok(kind) = point.kind.parse() else { continue };
            pools.push(Self {
                point: Some(point.id),
                kind,
                tested: point.test_passed,
                limit_gib: limit(point.capacity_gib),
                allocated_gib: allocated.on_point(point.id),
                ..told
            });
        }
        pools
    }

    /// Below zero where it is unlimited.
    pub fn free(&self) -> i64 {
        self.limit_gib - self.allocated_gib
    }

    fn room(&self) -> i64 {
        // Without a limit: free without end, less what is used.
        if self.limit_gib == 0 { i64::MAX / 4 - self.allocated_gib } else { self.free().max(0) }
    }

    /// Why it takes no more disks of this size.
    fn against(&self, gib: i64) -> Option<PoolRefusal> {
        let is_full = self.limit_gib != 0 && self.allocated_gib.saturating_add(gib) > self.limit_gib;
        match self.tested {
            _ if !self.enabled => Some(PoolRefusal::Disabled),
            Some(false) => Some(PoolRefusal::Failed),
            None => Some(PoolRefusal::Untested),
            _ if self.in_trouble => Some(PoolRefusal::Trouble),
            _ if self.above_threshold => Some(PoolRefusal::Threshold),
            _ if is_full => Some(PoolRefusal::Full { free: self.free().max(0) }),
            _ => None,
        }
    }
}

/// The place in `pools` that each disk goes to, in the order of the disks; or every reason why one of them has none.
pub fn assign(pools: &[Pool], disks: &[DiskWanted]) -> Result<Vec<usize>, Vec<Refusal>> {
    let mut left = pools.to_vec();
    let mut places = vec![0; disks.len()];
    let mut against = Vec::new();
    for is_choosy in [true, false] {
        let turn = disks.iter().enumerate().filter(|(_, disk)| (disk.profile != ANY_STORAGE) == is_choosy);
        for (at, disk) in turn {
            match best(&left, *disk) {
                Some(place) => {
                    left[place].allocated_gib += disk.gib;
                    places[at] = place;
                }
                None => against.extend(reasons(&left, *disk)),
            }
        }
    }
    if against.is_empty() {
        return Ok(places);
    }
    let mut once: Vec<Refusal> = Vec::new();
    for refusal in against {
        if !once.contains(&refusal) {
            once.push(refusal);
        }
    }
    Err(once)
}

fn best(pools: &[Pool], disk: DiskWanted) -> Option<usize> {
    let fitting = pools.iter().enumerate();
    let fitting = fitting.filter(|(_, pool)| pool.kind.serves(disk.profile) && pool.against(disk.gib).is_none());
    fitting.min_by_key(|(_, pool)| (pool.point.is_some(), Reverse(pool.room()), pool.point)).map(|(at, _)| at)
}

fn reasons(pools: &[Pool], disk: DiskWanted) -> Vec<Refusal> {
    let serving = pools.iter().filter(|pool| pool.kind.serves(disk.profile));
    let told = serving.filter_map(|pool| {
        let why = pool.against(disk.gib)?;
        Some(Refusal::Storage { point: pool.point, kind: pool.kind, why })
    });
    let told: Vec<Refusal> = told.collect();
    if told.is_empty() { vec![Refusal::StorageProfile { wanted: disk.profile }] } else { told }
}

/// Gives the disks their places.
pub fn take(pools: &mut [Pool], disks: &[DiskWanted]) {
    for (place, disk) in assign(pools, disks).unwrap_or_default().into_iter().zip(disks) {
        pools[place].allocated_gib += disk.gib;
    }
}

/// Limit and use of all storages that serve one of the disks; a limit of 0 is none.
pub fn serving(pools: &[Pool], disks: &[DiskWanted]) -> (i64, i64) {
    let serves = |pool: &&Pool| pool.enabled && disks.iter().any(|disk| pool.kind.serves(disk.profile));
    let (mut limit, mut used, mut is_endless) = (0_i64, 0_i64, false);
    for pool in pools.iter().filter(serves) {
        is_endless |= pool.limit_gib == 0;
        limit = limit.saturating_add(pool.limit_gib);
        used = used.saturating_add(pool.allocated_gib);
    }
    (if is_endless { 0 } else { limit }, used)
}

impl PoolRefusal {
    /// For people; `point` is `None` for the node's own folder.
    pub fn sentence(self, name: &str, point: Option<i64>, kind: StorageKind) -> String {
        if let (PoolRefusal::Full { free }, None) = (self, point) {
            return format!("Hypervisor {name} has {free} GB of storage free.");
        }
        let storage = match point {
            None => format!("The storage of hypervisor {name}"),
            Some(id) => format!("The storage {id} ({kind}) of hypervisor {name}"),
        };
        match self {
            PoolRefusal::Disabled => format!("{storage} is disabled."),
            PoolRefusal::Untested => format!(
                "{storage} takes no disks: its self-test has not passed yet. One is queued when a node joins; another \
                 is started with POST /compute/hypervisors/{{hypervisorId}}/selftest."
            ),
            PoolRefusal::Failed => format!("{storage} failed its self-test."),
            PoolRefusal::Trouble => format!("{storage} can't be used: its node says why."),
            PoolRefusal::Threshold => format!("{storage} is above its threshold and takes no new disks."),
            PoolRefusal::Full { free } => format!("{storage} has {free} GB free."),
        }
    }

    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            PoolRefusal::Disabled => "storageDisabled",
            PoolRefusal::Untested => "storageUntested",
            PoolRefusal::Failed => "storageFailed",
            PoolRefusal::Trouble => "storageTrouble",
            PoolRefusal::Threshold => "storageThreshold",
            PoolRefusal::Full { .. } => "storage",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNTESTED: &str = "takes no disks: its self-test has not passed yet. One is queued when a node joins; \
                            another is started with POST /compute/hypervisors/{hypervisorId}/selftest.";

    fn point(id: i64, kind: StorageKind, limit_gib: i64) -> Pool {
        Pool { point: Some(id), kind, tested: Some(true), ..Pool::local(limit_gib, 0) }
    }

    fn disks(wanted: &[(i64, i32)]) -> Vec<DiskWanted> {
        wanted.iter().map(|(gib, profile)| DiskWanted { gib: *gib, profile: *profile }).collect()
    }

    #[test]
    fn the_nodes_own_folder_comes_first_then_what_has_the_most_room() {
        let pools = [Pool::local(20, 0), point(7, StorageKind::Mountpoint, 50), point(8, StorageKind::Mountpoint, 60)];
        assert_eq!(assign(&pools, &disks(&[(10, 0)])), Ok(vec![0]));
        assert_eq!(assign(&pools, &disks(&[(10, 0), (15, 0)])), Ok(vec![0, 2]));
        assert_eq!(assign(&pools, &disks(&[(20, 3), (20, 3)])), Ok(vec![2, 1]), "40 are left on the larger one");
    }

    #[test]
    fn a_disk_that_takes_any_leaves_the_place_to_one_that_does_not() {
        let pools = [Pool::local(20, 0), point(7, StorageKind::Zfs, 50)];
        assert_eq!(assign(&pools, &disks(&[(20, 0), (20, 1)])), Ok(vec![1, 0]));
    }

    #[test]
    fn every_storage_says_why_it_takes_no_disk() {
        let refused = |pool: Pool, disk: (i64, i32)| {
            let refusals = assign(&[pool], &disks(&[disk])).unwrap_err();
            refusals.into_iter().map(|refusal| refusal.sentence("hv0")).collect::<Vec<_>>()
        };
        let zfs = point(3, StorageKind::Zfs, 10);
        let said = [
            (Pool { enabled: false, ..zfs }, "is disabled."),
            (Pool { tested: None, ..zfs }, UNTESTED),
            (Pool { tested: Some(false), ..zfs }, "failed its self-test."),
            (Pool { in_trouble: true, ..zfs }, "can't be used: its node says why."),
            (Pool { above_threshold: true, ..zfs }, "is above its threshold and takes no new disks."),
            (Pool { allocated_gib: 6, ..zfs }, "has 4 GB free."),
        ];
        for (pool, end) in said {
            assert_eq!(refused(pool, (5, 0)), [format!("The storage 3 (zfs) of hypervisor hv0 {end}")]);
        }
        let local = Pool { tested: None, ..Pool::local(5, 0) };
        assert_eq!(refused(local, (1, 0)), [format!("The storage of hypervisor hv0 {UNTESTED}")], "no other rule");
        assert_eq!(refused(zfs, (5, 4)), ["Hypervisor hv0 has no storage with the profile 4."]);
        assert_eq!(refused(Pool::local(5, 1), (5, 1)), ["Hypervisor hv0 has 4 GB of storage free."]);
    }

    fn any_pools() -> impl Strategy<Value = Vec<Pool>> {
        let one = (0..6_usize, any::<bool>(), 0..3_u8, any::<bool>(), 0..60_i64, 0..30_i64);
        (0..3_usize, proptest::collection::vec(one, 0..6)).prop_map(|(local_tested, all)| {
            let outcomes = [None, Some(true), Some(false)];
            let whole =
                |(id, (kind, enabled, tested, above, limit, used)): (i64, (usize, bool, u8, bool, i64, i64))| {
                    let tested = outcomes[usize::from(tested)];
                    let kind = StorageKind::ALL[kind];
                    let (enabled, above_threshold) = (enabled || id % 2 == 0, above && id % 3 == 0);
                    Pool { enabled, tested, above_threshold, allocated_gib: used, ..point(id, kind, limit) }
                };
            let points = (1..).zip(all).map(whole);
            let local = Pool { tested: outcomes[local_tested], ..Pool::local(40, 0) };
            std::iter::once(local).chain(points).collect()
        })
    }

    proptest! {
        #[test]
        fn no_disk_goes_where_it_does_not_fit(
            pools in any_pools(), wanted in proptest::collection::vec((1..30_i64, 0..7_i32), 0..4),
        ) {
            let wanted = disks(&wanted);
            match assign(&pools, &wanted) {
                Err(reasons) => prop_assert!(!reasons.is_empty()),
                Ok(places) => {
                    for (place, disk) in places.iter().zip(&wanted) {
                        let pool = pools[*place];
                        prop_assert!(pool.kind.serves(disk.profile) && pool.enabled && !pool.above_threshold);
                        prop_assert_eq!(pool.tested, Some(true));
                    }
                    for (at, pool) in pools.iter().enumerate() {
                        let given: i64 = places.iter().zip(&wanted).filter(|(place, _)| **place == at)
                            .map(|(_, disk)| disk.gib).sum();
                        prop_assert!(given == 0 || pool.limit_gib == 0 || pool.allocated_gib + given <= pool.limit_gib);
                    }
                    let mut taken = pools.clone();
                    take(&mut taken, &wanted);
                    let sum = |pools: &[Pool]| pools.iter().map(|pool| pool.allocated_gib).sum::<i64>();
                    prop_assert_eq!(sum(&taken) - sum(&pools), wanted.iter().map(|disk| disk.gib).sum::<i64>());
                }
            }
        }
    }
}
