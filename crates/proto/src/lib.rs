//! The words between the control server and the agent of a node: the gRPC service and the server specification.
//!
//! The `.proto` file under `proto/` is the authority, its comments are the documentation. Decisions live in the two
//! programs that speak it, never here.

#[allow(clippy::all, clippy::pedantic, missing_docs)]
mod generated {
    tonic::include_proto!("berth.node.v1");
}

mod storage_kind;

pub use generated::*;
pub use storage_kind::{ANY_STORAGE, StorageKind, UnknownKind};

/// The protocol's versions that this release speaks, both ends included.
pub const PROTOCOL_VERSIONS: std::ops::RangeInclusive<u32> = 1..=1;

/// The newest version that both ends speak. A release speaks its own and the one of the release before, so that control
/// server and agents are upgraded in any order.
pub fn common_version(ours: &std::ops::RangeInclusive<u32>, theirs: &std::ops::RangeInclusive<u32>) -> Option<u32> {
    let newest = *ours.end().min(theirs.end());
    (newest >= *ours.start() && newest >= *theirs.start()).then_some(newest)
}

/// Metadata of a call, beside its message: which request of a client, which job and which server of the control server
/// it belongs to, so that an agent's log can be read along with theirs. A number, or up to [`TRAIL_CHARACTERS`] of
/// letters, digits and `-_.`; what else comes is ignored, as agents of earlier releases ignore all of it.
pub const REQUEST_KEY: &str = "berth-request-id";
pub const JOB_KEY: &str = "berth-job-id";
pub const SERVER_KEY: &str = "berth-server-id";
pub const TRAIL_CHARACTERS: usize = 64;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_of_both_is_spoken_also_with_the_release_before_and_the_one_after() {
        for (ours, theirs, spoken) in [
            (1..=1, 1..=1, Some(1)),
            (1..=2, 1..=1, Some(1)),
            (1..=2, 1..=2, Some(2)),
            (1..=2, 2..=3, Some(2)),
            (1..=2, 3..=4, None),
            (3..=4, 1..=2, None),
        ] {
            assert_eq!(common_version(&ours, &theirs), spoken, "{ours:?} with {theirs:?}");
            assert_eq!(common_version(&theirs, &ours), spoken, "the same whoever asks");
        }
    }

    #[test]
    fn this_release_speaks_the_version_of_the_release_before() {
        let (oldest, newest) = (*PROTOCOL_VERSIONS.start(), *PROTOCOL_VERSIONS.end());
        assert!(oldest == 1 || oldest < newest, "{oldest} to {newest}");
    }
}
