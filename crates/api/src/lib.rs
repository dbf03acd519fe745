//! The words of the APIs: request and response types, the paginator, lenient input.
//!
//! Pure data: nothing here reads a database or a network.

pub mod customer;
pub mod data;
pub mod lenient;
pub mod page;
pub mod panel;
pub mod refusal;
pub mod time;
pub mod tokens;
pub mod v1;

/// The version of the OpenAPI document and of the programs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
