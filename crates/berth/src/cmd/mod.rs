//! The subcommands of `berth`, one file each.

pub mod completion;
pub mod control;
pub mod group;
pub mod hypervisor;
pub mod job;
pub mod package;
pub mod server;
pub mod template;
pub mod token;
pub mod user;
