//! Queries of self service: what customers may create by themselves, what it costs, and the ledger.
//!
//! Amounts are micro-tokens. A balance is never kept: it is the sum of the ledger's rows.

pub mod account;
pub mod credit;
pub mod currency;
pub mod finality;
pub mod ledger;
pub mod meter;
pub mod pack;
pub mod profile;
pub mod rate;
pub mod run_out;
pub mod settings;

/// A millionth of a token.
pub type MicroTokens = i64;
