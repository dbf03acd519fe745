//! The subcommands of `berth`, one file each.

pub mod agent;
mod change;
pub mod completion;
pub mod control;
pub mod credit;
pub mod down;
pub mod group;
pub mod hypervisor;
mod hypervisor_storage;
pub mod iso;
pub mod job;
pub mod network;
pub mod openapi;
pub mod package;
pub mod self_service;
pub mod server;
pub mod template;
pub mod token;
pub mod uninstall;
pub mod up;
pub mod user;
