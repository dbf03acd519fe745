//! The words of the customer API, `/api`: what a customer's own programs ask for and are answered. Things are named by
//! UUIDs alone. The API that these programs know from elsewhere writes sizes as texts (`2048 MB`); the same as numbers is
//! an addition. None of the words is the Global API's or the panel's.

pub mod account;
pub mod order;
pub mod refusal;
pub mod server;
pub mod task;
