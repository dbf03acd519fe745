//! The control server: it decides. HTTP comes in at `http`, becomes an action, a transaction and a job.
//!
//! It runs without privileges, owns every fact in one SQL database, and never runs a command on a node: agents do.

pub mod actions;
pub mod actor;
pub mod bootstrap;
pub mod capacity;
pub mod clock;
pub mod compare;
pub mod config;
mod context;
pub mod crypt;
pub mod custom_xml;
pub mod dns;
pub mod enrol_command;
mod error;
pub mod events;
pub mod fairness;
pub mod firewall;
pub mod http;
pub mod ipam;
pub mod jobs;
pub mod language;
pub mod limit;
pub mod live;
pub mod mail;
pub mod metrics;
pub mod node_isos;
pub mod node_metrics;
pub mod nodes;
pub mod oidc;
pub mod pending;
pub mod permissions;
pub mod pki;
pub mod placement;
pub mod proof;
pub mod random;
pub mod rights;
mod run;
pub mod scheduler;
pub mod scopes;
pub mod self_service;
pub mod spec;
pub mod start;
pub mod storage_reports;
pub mod traffic;
mod trail;

pub use context::{Cluster, Context};
pub use error::Error;
pub use run::run;
