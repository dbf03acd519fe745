//! What can be asked for, one file for each noun. An action reads from top to bottom: authorise, load, check the
//! rules, then one transaction that changes rows, writes the audit entry and enqueues the job.

mod audit;
pub mod enrolment;
pub mod hypervisor_groups;
pub mod ip_blocks;
pub mod packages;
pub mod passwords;
mod queue;
mod rules;
pub mod server_build;
pub mod server_build_order;
pub mod server_console;
pub mod server_create;
pub mod server_create_batch;
pub mod server_delete;
pub mod server_order;
pub mod server_password;
pub mod server_power;
pub mod server_read;
pub mod ssh_keys;
pub mod templates;
pub mod tokens;
pub mod users;

pub use audit::entry;
