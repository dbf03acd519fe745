//! The operations on servers through real HTTP, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod addresses;
#[allow(dead_code)]
mod app;
mod backups;
mod bad_input;
mod build;
mod cpu_fairness;
mod create;
mod delete;
mod disks;
mod final_months;
mod firewall;
mod fits;
mod forwards;
mod goods;
mod ip_blocks;
mod lists;
mod macs;
mod media;
mod metering;
mod modify;
mod networks;
mod nodes;
mod package;
mod power;
mod queue;
mod routed_blocks;
mod rows;
mod run_out;
mod self_service;
mod self_serving;
mod shape;
mod storage_points;
mod suspend;
mod templates;
mod traffic;
mod usage;
mod vlans;
mod vnc;
