//! The words between the control server and the agent of a node: the gRPC service and the server specification.
//!
//! The `.proto` file under `proto/` is the authority, its comments are the documentation. Decisions live in the two
//! programs that speak it, never here.

#[allow(clippy::all, clippy::pedantic, missing_docs)]
mod generated {
    tonic::include_proto!("berth.node.v1");
}

pub use generated::*;

/// The protocol's versions that this release speaks, both ends included.
pub const PROTOCOL_VERSIONS: std::ops::RangeInclusive<u32> = 1..=1;

/// The agent's default port, as billing modules and firewalls of the field know it.
pub const AGENT_PORT: u16 = 8892;

/// Bytes of image data in one [`PutImageChunk`].
pub const IMAGE_CHUNK_BYTES: usize = 1 << 20;

/// The hash of a specification's content, by which a repeated generation is told from a changed one: hex of SHA-256
/// over its protobuf encoding.
///
/// Stable for one build of this crate; an agent compares hashes only of what it encoded itself.
pub fn spec_hash(spec: &ServerSpec) -> String {
    use prost::Message;
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(spec.encode_to_vec()))
}
