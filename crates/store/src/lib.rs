//! The database: entities, migrations and queries. The only crate that knows SQL.
//!
//! One file for each noun holds the queries on its table (`user`, `server`, `job`, ...). Reading functions take any
//! connection ([`Db`]); writing functions take a [`Tx`], and [`Store::write_tx`] is the only way to get one.

pub mod address_history;
pub mod address_holder;
pub mod api_token;
pub mod audit;
pub mod backup_plan;
pub mod console_token;
pub mod cpu_fairness;
pub mod customer_token;
pub mod dns_service;
pub mod drift;
pub mod enrolment_token;
pub mod entity;
mod error;
pub mod extra_mac;
pub mod firewall;
pub mod hypervisor;
pub mod hypervisor_group;
pub mod hypervisor_metric;
pub mod hypervisor_network;
pub mod icon;
pub mod interface_vlan;
pub mod ip_block;
pub mod ip_block_binding;
pub mod ip_block_group;
pub mod ip_whitelist;
pub mod ipv4_address;
pub mod ipv6_subnet;
pub mod iso;
pub mod job;
pub mod job_lease;
mod joined;
pub mod login_failure;
pub mod login_token;
pub mod mail;
mod migration;
pub mod oidc_attempt;
pub mod package;
pub mod passkey;
pub mod passkey_challenge;
pub mod password_link;
pub mod pending_action;
pub mod periodic;
pub mod placement;
#[cfg(test)]
mod plans;
pub mod port_forward;
pub mod ptr_record;
pub mod rdns_zone;
pub mod seal;
pub mod second_factor;
pub mod self_service;
pub mod selftest;
pub mod server;
pub mod server_change;
pub mod server_details;
pub mod server_disk;
pub mod server_hardware;
pub mod server_interface;
pub mod server_outcome;
pub mod server_share;
pub mod server_ssh_key;
pub mod session;
pub mod setting;
pub mod ssh_key;
pub mod storage_metric;
pub mod storage_point;
pub mod template;
pub mod template_category;
#[cfg(feature = "testing")]
pub mod testing;
pub mod traffic;
pub mod traffic_limit;
mod tx;
pub mod user;
pub mod user_identity;

pub use error::StoreError;
pub use sea_orm::ConnectionTrait as Db;
pub use tx::{AsStoreError, Store, Tx};

/// Microseconds since 1970 in UTC.
pub type Micros = i64;
