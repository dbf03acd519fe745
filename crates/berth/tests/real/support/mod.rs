//! A whole Berth for one test: its own control server, agent, bridge, subnets, ports and folders, and nothing of it
//! left behind afterwards.

pub mod api;
pub mod bare_debian;
pub mod berth;
pub mod diagnosis;
pub mod disc;
pub mod driver;
pub mod emulator;
pub mod host;
pub mod os;
pub mod place;
pub mod private_libvirt;
pub mod process;
pub mod publisher;
pub mod rfb;
pub mod serial;
pub mod small_disk;
pub mod ssh;
pub mod wait;
pub mod websocket;
