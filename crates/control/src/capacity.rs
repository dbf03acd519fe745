//! What is allocated on nodes, remembered between placements.
//!
//! The sums are always taken from rows. Each change of them bumps the node's `capacity_version` in the same
//! transaction, so a sum that was taken at the present version is the present sum, and one of another version is
//! taken anew.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use berth_store::server::Allocated;

#[derive(Default)]
pub struct Capacity {
    sums: Mutex<HashMap<i64, (i64, Allocated)>>,
}

impl Capacity {
    /// The sum of a node at this version.
    pub fn at(&self, hypervisor_id: i64, version: i64) -> Option<Allocated> {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.get(&hypervisor_id).filter(|(known, _)| *known == version).map(|(_, sum)| sum.clone())
    }

    pub fn remember(&self, hypervisor_id: i64, version: i64, sum: Allocated) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if sums.get(&hypervisor_id).is_none_or(|(known, _)| *known < version) {
            sums.insert(hypervisor_id, (version, sum));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_holds_for_its_version_only() {
        let (capacity, sum) = (Capacity::default(), Allocated { servers: 1, ..Allocated::default() });
        capacity.remember(1, 7, sum.clone());
        assert_eq!(capacity.at(1, 7), Some(sum.clone()));
        assert_eq!((capacity.at(1, 8), capacity.at(2, 7)), (None, None));
        capacity.remember(1, 6, Allocated::default());
        assert_eq!(capacity.at(1, 7), Some(sum));
    }
}
