//! The customer API through real HTTP: who may do what with which token, and what its operations do.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod access;
#[path = "../servers/app.rs"]
#[allow(dead_code)]
mod app;
#[path = "../panel/browser.rs"]
#[allow(dead_code)]
mod browser;
mod document;
#[path = "../panel/guests.rs"]
mod guests;
mod hostile;
#[path = "../panel/matrix.rs"]
#[allow(dead_code)]
mod matrix;
mod program;
#[path = "../servers/rows.rs"]
#[allow(dead_code)]
mod rows;
mod servers;
mod tokens;
#[path = "../api/wrong.rs"]
mod wrong;
