//! The database: entities, migrations and queries. The only crate that knows SQL.
//!
//! One file for each noun holds the queries on its table (`user`, `server`, `job`, ...). Reading functions take any
//! connection ([`Db`]); writing functions take a [`Tx`], and [`Store::write_tx`] is the only way to get one.

pub mod api_token;
pub mod audit;
pub mod console_token;
pub mod enrolment_token;
pub mod entity;
mod error;
pub mod hypervisor;
pub mod hypervisor_group;
pub mod hypervisor_network;
pub mod ip_block;
pub mod ipv4_address;
pub mod ipv6_subnet;
pub mod job;
pub mod job_lease;
mod joined;
mod migration;
pub mod package;
pub mod pending_action;
pub mod periodic;
pub mod placement;
pub mod seal;
pub mod server;
pub mod server_details;
pub mod server_disk;
pub mod server_interface;
pub mod server_outcome;
pub mod server_ssh_key;
pub mod setting;
pub mod ssh_key;
pub mod template;
mod tx;
pub mod user;

pub use error::StoreError;
pub use sea_orm::ConnectionTrait as Db;
pub use tx::{AsStoreError, Store, Tx};

/// Microseconds since 1970 in UTC.
pub type Micros = i64;
