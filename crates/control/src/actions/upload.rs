//! Files that are uploaded: read on their way to disk, measured, and named by their checksum.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use axum::body::Body;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::{
    Error,
    clock::{Clock, SystemClock},
};

/// How long an upload may send nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody has written to a part for this long: whoever did was killed. Far above [`PATIENCE`].
const LEFT_AFTER: Duration = Duration::from_secs(60 * 60);
const PREFIX: &str = "upload-";
const SUFFIX: &str = ".part";

/// Removed unless it was renamed.
pub struct Part(pub PathBuf);

impl Part {
    /// A new one in a folder. Those that a control server has left there which was killed are removed.
    pub fn new(dir: &Path, uuid: Uuid) -> Self {
        // Files have the machine's times.
        remove_left(dir, SystemTime::UNIX_EPOCH + Duration::from_micros(SystemClock.now().unsigned_abs()));
        Self(dir.join(format!("{PREFIX}{uuid}{SUFFIX}")))
    }
}

fn remove_left(dir: &Path, now: SystemTime) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        let is_part = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        let written_at = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written_at.ok().and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        if !is_part || age < LEFT_AFTER {
            continue;
        }
        let path = entry.path();
        match std::fs::remove_file(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "removed what was left of an upload"),
            Err(error) => tracing::warn!(path = %path.display(), %error, "what was left of an upload stays"),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_a_killed_upload_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let write = |name: &str, age: Duration| {
            let file = File::create(dir.path().join(name)).unwrap();
            file.set_modified(now - age).unwrap();
        };
        write("upload-1.part", LEFT_AFTER);
        write("upload-2.part", LEFT_AFTER - PATIENCE);
        write("sha256-0.iso", LEFT_AFTER * 2);
        write("mine.part", LEFT_AFTER * 2);
        remove_left(dir.path(), now);
        let left = |name: &str| dir.path().join(name).exists();
        assert!(!left("upload-1.part"));
        assert!(left("upload-2.part"), "somebody may be writing it");
        assert!(left("sha256-0.iso") && left("mine.part"), "no upload made these");
        remove_left(&dir.path().join("nowhere"), now);
    }
}
