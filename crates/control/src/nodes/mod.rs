//! Connections to the agents of the nodes.

/// One connection for each hypervisor.
#[derive(Default)]
pub struct Nodes {}
