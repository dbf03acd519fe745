//! The database: entities, migrations and queries. The only crate that knows SQL.
//!
//! One file for each noun holds the queries on its table (`user`, `server`, `job`, ...). Reading functions take any
//! connection ([`Db`]); writing functions take a [`Tx`], and [`Store::write_tx`] is the only way to get one.

pub mod api_token;
pub mod audit;
pub mod entity;
mod error;
mod migration;
pub mod seal;
pub mod setting;
mod tx;
pub mod user;

pub use error::StoreError;
pub use sea_orm::ConnectionTrait as Db;
pub use tx::{AsStoreError, Store, Tx};

/// Microseconds since 1970 in UTC.
pub type Micros = i64;
