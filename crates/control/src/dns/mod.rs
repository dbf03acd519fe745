//! Names of addresses: what they are called in a zone, the server that keeps them, and whether a name leads back.

pub mod forward;
pub mod names;
pub mod powerdns;
