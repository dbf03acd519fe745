//! The agent: does on one node what the control server decides.

pub mod clock;
pub mod cloud_init;
pub mod cmd;
pub mod config;
pub mod disk;
pub mod domain_xml;
pub mod host;
pub mod ledger;
pub mod libvirt;
pub mod names;
pub mod paths;
pub mod seed;
