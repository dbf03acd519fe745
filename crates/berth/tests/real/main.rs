//! The whole path with nothing simulated: control server, agent, libvirt and guests that are logged in to.
//!
//! Every test starts a Berth of its own in a slot of its own (names, addresses, ports, folders) and leaves the host as
//! it was. They need root, libvirt and QEMU; where KVM is missing the guests are emulated. At most two of them run at
//! once (`.config/nextest.toml`). What is too long for every change is in `full`, which `make test-full` runs too.

mod support;

mod confined;
mod faults;
mod full;
mod kill;
mod life;
mod live;
mod panel;
mod password;
mod reboot;
