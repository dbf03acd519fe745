//! The agent: does on one node what the control server decides.

pub mod clock;
pub mod cloud_init;
pub mod cmd;
pub mod config;
pub mod disk;
pub mod domain_xml;
pub mod fetch_guard;
pub mod filters;
pub mod filters_apply;
pub mod host;
pub mod image;
pub mod ledger;
pub mod libvirt;
pub mod names;
pub mod net;
pub mod netns;
pub mod paths;
pub mod probe;
pub mod qemu_conf;
pub mod seed;
