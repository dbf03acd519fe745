//! The words of the panel's own API, `/panel/api`: what its web application asks for and is answered. None of them is
//! the Global API's, so that neither keeps the other from changing.

pub mod account;
pub mod billing;
pub mod passkey;
pub mod server;
pub mod share;
pub mod shop;
pub mod token;
