//! The control server: it decides. HTTP comes in at `http`, becomes an action, a transaction and a job.
//!
//! It runs without privileges, owns every fact in one SQL database, and never runs a command on a node: agents do.

pub mod actions;
pub mod actor;
pub mod bootstrap;
pub mod clock;
pub mod config;
mod context;
mod error;
pub mod events;
pub mod http;
pub mod jobs;
pub mod live;
pub mod nodes;
pub mod pki;
pub mod random;
mod run;
pub mod scheduler;
pub mod spec;
pub mod start;

pub use context::{Cluster, Context};
pub use error::Error;
pub use run::run;
