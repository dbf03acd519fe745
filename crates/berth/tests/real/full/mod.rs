//! Tests that take too long for every change: a whole distribution in place of the small guest, crashes at moments that
//! nobody chose, limits that are measured, and what a shorter test shows in part. Only `make test-full` runs them.

mod counted;
mod crash;
mod debian;
mod disks;
mod hotplug;
mod install;
mod kill;
mod ledger;
mod measured;
mod media;
mod modify;
mod packets;
mod publisher;
mod races;
mod storage;
mod tpm;
mod uefi;
mod wire;
