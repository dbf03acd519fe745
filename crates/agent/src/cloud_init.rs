//! Makes the three files of a NoCloud seed from a server's specification: pure, for golden files and for a property
//! test that no text of a customer breaks out of its place.

use berth_proto::ServerSpec;

/// The files of a NoCloud seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedFiles {
    pub meta_data: String,
    pub user_data: String,
    pub network_config: String,
}

/// Why no seed can be made, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SeedError(pub String);

/// The seed of the server; empty files where the specification has none.
pub fn seed_files(_spec: &ServerSpec) -> Result<SeedFiles, SeedError> {
    Err(SeedError("this agent makes no seeds yet".into()))
}
