//! The Global API as a whole: its document, who may call what, bad input, the audit log, limits and what is watched.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod access;
#[path = "../servers/app.rs"]
#[allow(dead_code)]
mod app;
mod audit;
mod credit;
mod dns_calls;
mod document;
mod hostile;
mod interface_calls;
mod limits;
mod operations;
mod permissions;
#[path = "../servers/rows.rs"]
#[allow(dead_code)]
mod rows;
mod self_service_calls;
#[path = "../../examples/simulated/shop.rs"]
mod shop;
mod shop_path;
mod staff;
mod status;
mod tls;
mod users;
mod watched;
mod wrong;
