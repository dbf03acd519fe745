//! Rows as the tables hold them: one file for each table's noun.
//!
//! Columns that end in `_at` are microseconds since 1970 in UTC; sizes carry their unit in the name; columns that end
//! in `_enc` are sealed by [`crate::seal`].

pub mod api_token;
pub mod audit_entry;
pub mod console_token;
pub mod enrolment_token;
pub mod hypervisor;
pub mod hypervisor_group;
pub mod hypervisor_network;
pub mod ip_block;
pub mod ip_block_binding;
pub mod ipv4_address;
pub mod ipv6_subnet;
pub mod job;
pub mod job_log;
pub mod package;
pub mod pending_action;
pub mod periodic_task;
pub mod server;
pub mod server_disk;
pub mod server_interface;
pub mod server_ssh_key;
pub mod setting;
pub mod ssh_key;
pub mod template;
pub mod template_category;
pub mod user;
