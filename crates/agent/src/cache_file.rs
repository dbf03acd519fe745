//! A file on its way into one of the node's caches: written beside its place, measured and hashed as it comes, and
//! given its name only when it is whole and was looked at.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256, Sha512};

use crate::disk::{DiskError, part_of, publish, remove_if_there};
use crate::fetch_guard::{self, FetchError, root_cause};

/// 20 GB at 3 MB/s.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(2 * 3600);
/// Read by every guest's QEMU, written by nobody.
const CACHED_MODE: u32 = 0o444;

/// By which a file is known.
pub enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub fn sha256() -> Hasher {
        Hasher::Sha256(Sha256::new())
    }

    pub fn sha512() -> Hasher {
        Hasher::Sha512(Sha512::new())
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Hasher::Sha256(hasher) => format!("sha256:{}", hex::encode(hasher.finalize())),
            Hasher::Sha512(hasher) => format!("sha512:{}", hex::encode(hasher.finalize())),
        }
    }
}

/// Dropped before [`CacheFile::publish`], it leaves nothing.
pub struct CacheFile {
    /// "template" or "ISO image", for sentences.
    what: &'static str,
    part: PathBuf,
    file: File,
    hasher: Hasher,
    limit_bytes: u64,
    got_bytes: u64,
    done: bool,
}

impl CacheFile {
    /// `path` is the place beside which it is written; `size_bytes` is what is to come, 0 where that is not known.
    pub fn begin(
        what: &'static str,
        path: &Path,
        hasher: Hasher,
        size_bytes: u64,
        limit_bytes: u64,
    ) -> Result<CacheFile, FetchError> {
        if size_bytes > limit_bytes {
            return Err(too_large(what, size_bytes, limit_bytes));
        }
        let part = part_of(path);
        let io = |error: std::io::Error| disk_sentence(DiskError::io(&part)(error));
        let dir = path.parent().unwrap_or(Path::new("/"));
        let free_bytes = rustix::fs::statvfs(dir).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        if free_bytes.is_ok_and(|free_bytes| free_bytes < size_bytes) {
            return Err(disk_sentence(DiskError::Full { path: path.to_owned() }));
        }
        let file = File::options().write(true).create(true).truncate(false).open(&part).map_err(io)?;
        // Two writers would mix their bytes. The lock goes with the file's handle, also when the process is killed.
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| FetchError::again(format!("this {what} is being fetched already")))?;
        file.set_len(0).map_err(io)?;
        Ok(CacheFile { what, part, file, hasher, limit_bytes, got_bytes: 0, done: false })
    }

    /// The next bytes, in order.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.got_bytes += bytes.len() as u64;
        if self.got_bytes > self.limit_bytes {
            return Err(too_large(self.what, self.got_bytes, self.limit_bytes));
        }
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(|error| disk_sentence(DiskError::io(&self.part)(error)))
    }

    pub fn got_bytes(&self) -> u64 {
        self.got_bytes
    }

    /// Where it lies until it has its name.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// The digest of what was written, which is what was ordered where something was.
    pub fn digest(&mut self, ordered: Option<&str>) -> Result<String, FetchError> {
        let found = std::mem::replace(&mut self.hasher, Hasher::sha256()).finish();
        match ordered.filter(|ordered| *ordered != found) {
            Some(ordered) => Err(FetchError::refused(format!(
                "the {} has the wrong checksum: {found} came, and {ordered} was ordered",
                self.what
            ))),
            None => Ok(found),
        }
    }

    /// Gives the file its name.
    pub fn publish(mut self, path: &Path) -> Result<(), FetchError> {
        let mode = std::fs::Permissions::from_mode(CACHED_MODE);
        std::fs::set_permissions(&self.part, mode)
            .map_err(DiskError::io(&self.part))
            .and_then(|()| publish(&self.part, path))
            .map_err(disk_sentence)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for CacheFile {
    fn drop(&mut self) {
        if !self.done {
            // What stays is truncated by the next writer.
            let _ = remove_if_there(&self.part);
        }
    }
}

pub fn too_large(what: &str, bytes: u64, limit_bytes: u64) -> FetchError {
    let (got_mib, limit_mib) = (bytes.div_ceil(1 << 20), limit_bytes >> 20);
    FetchError::refused(format!(
        "the {what} is too large: {got_mib} MiB or more, and at most {limit_mib} MiB are allowed"
    ))
}

/// A full or broken disk is the operator's to mend; after that trying again helps.
fn disk_sentence(error: DiskError) -> FetchError {
    FetchError::again(error.to_string())
}

/// Fetches a URL into the file that `begin` makes once the size is known. `progress` is told the bytes that came and,
/// where the server says, how many there will be (else 0).
pub async fn download(
    url: &str,
    allowed_private_hosts: &[String],
    begin: impl FnOnce(u64) -> Result<CacheFile, FetchError>,
    progress: impl Fn(u64, u64),
) -> Result<CacheFile, FetchError> {
    let fetch = async {
        let mut response = fetch_guard::get(url, allowed_private_hosts).await?;
        let total_bytes = response.content_length().unwrap_or(0);
        let mut file = begin(total_bytes)?;
        progress(0, total_bytes);
        loop {
            let piece = response.chunk().await.map_err(|error| cut_off(url, file.got_bytes(), total_bytes, &error))?;
            let Some(piece) = piece else { return Ok(file) };
            file.write(&piece)?;
            progress(file.got_bytes(), total_bytes);
        }
    };
    match tokio::time::timeout(DOWNLOAD_TIMEOUT, fetch).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let hours = DOWNLOAD_TIMEOUT.as_secs() / 3600;
            Err(FetchError::again(format!("{url} was not there after {hours} hours, and the download was given up")))
        }
    }
}

pub fn cut_off(url: &str, got_bytes: u64, total_bytes: u64, error: &reqwest::Error) -> FetchError {
    let of = if total_bytes == 0 { String::new() } else { format!(" of {total_bytes}") };
    FetchError::again(format!("the download of {url} was cut off after {got_bytes}{of} bytes: {}", root_cause(error)))
}
