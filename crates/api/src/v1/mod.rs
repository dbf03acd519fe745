//! The Global API's words, one file a noun.

pub mod server;
pub mod server_console;
pub mod server_input;
pub mod server_list;
pub mod server_network;
pub mod server_node;
pub mod server_remote;
pub mod server_settings;
pub mod server_storage;
