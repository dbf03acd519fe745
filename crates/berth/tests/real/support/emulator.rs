//! A fault of the emulator's that says nothing of Berth: of some hundred guests with several processors, one has a
//! processor whose timer never rings (QEMU 7.2), and hardly gets anywhere. Its kernel tells.

use std::fs;

use super::place::Place;

/// Of Linux's look at processors that make no progress (`kernel/rcu/tree_stall.h`).
const TOLD: &str = "kthread timer wakeup didn't happen";

/// Whether the guest's kernel has told of it on the serial console.
pub fn lost_a_timer(place: &Place, uuid: &str) -> bool {
    fs::read(place.serial_log(uuid)).is_ok_and(|said| String::from_utf8_lossy(&said).contains(TOLD))
}
