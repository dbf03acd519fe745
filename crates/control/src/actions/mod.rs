//! What can be asked for, one file for each noun. An action reads from top to bottom: authorise, load, check the
//! rules, then one transaction that changes rows, writes the audit entry and enqueues the job.

mod audit;
pub mod enrolment;
pub mod passwords;

pub use audit::entry;
