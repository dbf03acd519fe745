//! Files that are uploaded: read on their way to disk, measured, and named by their checksum.

use std::{path::PathBuf, time::Duration};

use axum::body::Body;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::Error;

/// How long an upload may send nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Removed unless it was renamed.
pub struct Part(pub PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[derive(Clone)]
pub struct Received {
    /// `sha256:<hex>`
    pub digest: String,
    pub bytes: i64,
    /// The first bytes, as many as were asked for or there are.
    pub header: Vec<u8>,
}

/// Writes the body to `part`. `what` is for sentences: "image".
pub async fn receive(
    what: &str,
    part: &Part,
    body: Body,
    header_bytes: usize,
    limit_bytes: u64,
) -> Result<Received, Error> {
    let mut file = tokio::fs::File::create(&part.0).await.map_err(disk)?;
    let (mut hasher, mut bytes, mut header) = (Sha256::new(), 0_u64, Vec::new());
    let mut stream = body.into_data_stream();
    let cut = |_| Error::invalid(format!("The {what} stopped coming for {} seconds.", PATIENCE.as_secs()));
    while let Some(chunk) = tokio::time::timeout(PATIENCE, stream.next()).await.map_err(cut)? {
        let chunk =
            chunk.map_err(|error| Error::invalid(format!("The {what} was cut off after {bytes} bytes: {error}.")))?;
        bytes += chunk.len() as u64;
        if bytes > limit_bytes {
            return Err(Error::invalid(format!("The {what} is larger than {limit_bytes} bytes.")));
        }
        if header.len() < header_bytes {
            header.extend_from_slice(&chunk[..chunk.len().min(header_bytes - header.len())]);
        }
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(disk)?;
    }
    file.sync_all().await.map_err(disk)?;
    let digest = format!("sha256:{}", hex::encode(hasher.finalize()));
    Ok(Received { digest, bytes: i64::try_from(bytes).unwrap_or(i64::MAX), header })
}

pub fn disk(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull => Error::Unavailable("The control server's disk is full.".to_owned()),
        _ => Error::Internal(error.into()),
    }
}
