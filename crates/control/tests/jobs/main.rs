//! Jobs on simulated nodes: every kind with each step repeated and killed, fencing, and nodes that are gone, slow or
//! lying. What guests do is proven with real ones elsewhere.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

#[path = "../servers/app.rs"]
#[allow(dead_code)]
mod app;
#[path = "../servers/database.rs"]
#[allow(dead_code)]
mod database;
mod faults;
mod fencing;
mod kinds;
mod repeat_and_kill;
#[path = "../servers/rows.rs"]
#[allow(dead_code)]
mod rows;
mod sim;
