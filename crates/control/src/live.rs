//! Live figures of nodes and servers, kept in memory only: each node streams them.

/// The newest sample of each node.
#[derive(Default)]
pub struct Live {}
