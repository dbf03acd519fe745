//! The Global API's words, one file a noun.

pub mod hypervisor;
pub mod ip_block;
pub mod package;
pub mod queue;
pub mod server;
pub mod server_console;
pub mod server_input;
pub mod server_list;
pub mod server_network;
pub mod server_node;
pub mod server_remote;
pub mod server_settings;
pub mod server_storage;
pub mod ssh_key;
pub mod template;
pub mod token;
pub mod user;
