//! Rows as the tables hold them: one file for each table's noun.
//!
//! Columns that end in `_at` are microseconds since 1970 in UTC; sizes carry their unit in the name; columns that end
//! in `_enc` are sealed by [`crate::seal`].

pub mod address_history;
pub mod api_token;
pub mod audit_entry;
pub mod backup_plan;
pub mod console_token;
pub mod dns_service;
pub mod enrolment_token;
pub mod firewall_rule;
pub mod firewall_ruleset;
pub mod hypervisor;
pub mod hypervisor_comparison;
pub mod hypervisor_drift;
pub mod hypervisor_group;
pub mod hypervisor_metric;
pub mod hypervisor_network;
pub mod hypervisor_selftest;
pub mod icon;
pub mod ip_block;
pub mod ip_block_binding;
pub mod ip_whitelist;
pub mod ipv4_address;
pub mod ipv6_subnet;
pub mod iso;
pub mod job;
pub mod job_log;
pub mod login_failure;
pub mod login_token;
pub mod package;
pub mod package_firewall;
pub mod package_traffic;
pub mod pending_action;
pub mod periodic_task;
pub mod ptr_record;
pub mod rdns_zone;
pub mod recovery_code;
pub mod second_factor;
pub mod server;
pub mod server_disk;
pub mod server_interface;
pub mod server_ssh_key;
pub mod session;
pub mod setting;
pub mod ssh_key;
pub mod storage_test;
pub mod template;
pub mod template_category;
pub mod template_package;
pub mod traffic_block;
pub mod traffic_counter;
pub mod traffic_day;
pub mod traffic_hour;
pub mod traffic_state;
pub mod user;
