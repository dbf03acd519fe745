//! The panel's API through real HTTP: logins and who may do what, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod access;
#[path = "../servers/app.rs"]
#[allow(dead_code)]
mod app;
mod attacks;
mod authenticator;
mod browser;
mod document;
mod factors;
mod guests;
mod hostile;
mod logins;
mod mail;
#[allow(dead_code)]
mod matrix;
mod oidc;
mod oidc_proofs;
mod orders;
mod pages;
mod passkey_proofs;
mod passkeys;
mod people;
mod proof;
mod provider;
#[path = "../servers/rows.rs"]
#[allow(dead_code)]
mod rows;
#[path = "../servers/self_serving.rs"]
#[allow(dead_code)]
mod self_serving;
mod servers;
mod shares;
mod shop;
mod smtp;
mod sso;
#[path = "../api/wrong.rs"]
mod wrong;
