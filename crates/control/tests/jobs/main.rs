//! Jobs on simulated nodes: every kind with each step repeated and killed, fencing, and nodes that are gone, slow or
//! lying. What guests do is proven with real ones elsewhere.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod addresses;
#[path = "../servers/app.rs"]
#[allow(dead_code)]
mod app;
mod changes;
mod custom_xml;
mod disks;
mod drift;
mod events;
mod every_kind;
mod faults;
mod fencing;
mod filters;
mod firewall;
mod frozen;
mod isos;
mod joining;
mod kinds;
mod names;
mod networks;
mod node_metrics;
mod pdns;
mod queue;
mod repeat_and_kill;
#[path = "../servers/rows.rs"]
#[allow(dead_code)]
mod rows;
mod selftest;
mod sim;
mod storage;
mod suspend;
mod t08_agent_port;
mod templates;
mod windows;
mod zones;
