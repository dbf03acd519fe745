//! The agent: does on one node what the control server decides.

mod adopt;
mod agent;
pub mod block_devices;
mod cache_file;
pub mod clock;
pub mod cloud_init;
pub mod cmd;
pub mod config;
mod console;
pub mod dhcp;
pub mod dhcp_apply;
pub mod disk;
pub mod domain_xml;
mod drift;
pub mod enrol;
mod events;
mod facts;
pub mod fetch_guard;
pub mod filesystem;
pub mod filters;
pub mod filters_apply;
pub mod firewall;
pub mod forwards;
pub mod forwards_apply;
mod guest_agent;
pub mod host;
pub mod identity;
pub mod image;
mod images;
pub mod iso;
pub mod ledger;
pub mod libvirt;
mod lifecycle;
mod live;
mod live_disks;
mod live_interfaces;
mod media;
mod metrics;
pub mod names;
pub mod net;
pub mod netns;
pub mod node;
pub mod node_net;
mod observe;
pub mod openvswitch;
pub mod openvswitch_apply;
mod ops;
pub mod paths;
pub mod pid_lock;
pub mod probe;
mod qcow2;
pub mod qemu_conf;
pub mod qemu_host;
mod reconcile;
mod regenerate;
pub mod renew;
mod revive;
pub mod routes;
pub mod routes_apply;
pub mod ruleset;
mod screens;
pub mod seed;
mod selftest;
mod service;
pub mod sim;
mod stats;
pub mod storage;
#[cfg(test)]
mod testing;
mod thumbnail;
mod tls;
mod tpm;
pub mod traffic;
mod trail;
mod uplinks;
pub mod vlans;
pub mod vlans_apply;
mod vm;

pub use node::run;

/// A part of a sentence as a whole one: with a capital letter and a full stop.
pub(crate) fn sentence(part: &str) -> String {
    let part = part.trim();
    let mut letters = part.chars();
    let Some(first) = letters.next() else { return String::new() };
    let stop = if part.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
}
