//! What can be asked for, one file for each noun. An action reads from top to bottom: authorise, load, check the
//! rules, then one transaction that changes rows, writes the audit entry and enqueues the job.

mod audit;
pub mod enrolment;
pub mod passwords;
mod queue;
pub mod server_build;
pub mod server_build_order;
pub mod server_console;
pub mod server_create;
pub mod server_delete;
pub mod server_order;
pub mod server_password;
pub mod server_power;
pub mod server_read;

pub use audit::entry;
