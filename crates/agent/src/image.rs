//! The node's cache of OS templates: immutable files, named by their checksum.
//!
//! A template comes from elsewhere and is read by QEMU, so it is looked at before anything opens it: only qcow2, and
//! none that names another file (a backing file or a data file), holds snapshots, or claims a size out of bounds. The
//! first bytes are read by this module itself; qemu-img sees the file only after that.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256, Sha512};

use crate::disk::{DiskError, ImageRef, image_info, part_of, publish, remove_if_there};
use crate::fetch_guard::{self, FetchError, root_cause};
use crate::paths::Paths;

/// Templates are never larger, whatever the control server says.
pub const SIZE_LIMIT_BYTES: u64 = 64 << 30;
/// The largest disk that a template may want.
pub const VIRTUAL_LIMIT_BYTES: u64 = 2 << 40;
/// 20 GB at 3 MB/s.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(2 * 3600);
/// Read by every guest's QEMU, written by nobody.
const IMAGE_MODE: u32 = 0o444;

/// What a template is, as far as its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// "qcow2".
    pub format: String,
    pub virtual_bytes: u64,
    pub size_bytes: u64,
}

/// How large a template may be. 0: the limits of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageLimits {
    pub bytes: u64,
    pub virtual_bytes: u64,
}

impl ImageLimits {
    fn bytes(self) -> u64 {
        if self.bytes == 0 { SIZE_LIMIT_BYTES } else { self.bytes.min(SIZE_LIMIT_BYTES) }
    }

    fn virtual_bytes(self) -> u64 {
        if self.virtual_bytes == 0 { VIRTUAL_LIMIT_BYTES } else { self.virtual_bytes.min(VIRTUAL_LIMIT_BYTES) }
    }
}

/// A checksum of the form `sha256:<hex>` or `sha512:<hex>`, in lower case: also the name of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDigest(String);

impl ImageDigest {
    pub fn parse(text: &str) -> Result<ImageDigest, FetchError> {
        let wrong =
            || FetchError::refused(format!("{text:?} is not a checksum of the form sha256:<hex> or sha512:<hex>"));
        let (algorithm, hex) = text.split_once(':').ok_or_else(wrong)?;
        let len = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return Err(wrong()),
        };
        if hex.len() != len || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        Ok(ImageDigest(format!("{algorithm}:{}", hex.to_ascii_lowercase())))
    }

    /// Where the template of this checksum lies in the cache.
    pub fn path(&self, paths: &Paths) -> PathBuf {
        paths.images_dir().join(format!("{}.qcow2", self.0.replace(':', "-")))
    }

    fn hasher(&self) -> Hasher {
        if self.0.starts_with("sha512") { Hasher::Sha512(Sha512::new()) } else { Hasher::Sha256(Sha256::new()) }
    }
}

enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
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

/// The template of this checksum, where the cache has it. Files get their name only when they are whole and checked.
pub fn cached(paths: &Paths, digest: &ImageDigest) -> Option<ImageRef> {
    let path = digest.path(paths);
    let header = read_header(&path).ok()?;
    let virtual_bytes = header_facts(&header, u64::MAX).ok()?;
    Some(ImageRef { path, format: "qcow2".into(), virtual_bytes })
}

/// Looks at a file that came from elsewhere, before anything opens it as an image. The error is a sentence.
pub async fn check_image(path: &Path, limits: ImageLimits) -> Result<ImageFacts, FetchError> {
    let header = read_header(path).map_err(|error| FetchError::refused(format!("{}: {error}", path.display())))?;
    let virtual_bytes = header_facts(&header, limits.virtual_bytes()).map_err(FetchError::refused)?;
    // The header says that no other file is named; now the tool may look, and has to agree.
    let info = image_info(path, "qcow2").await.map_err(|error| match error {
        DiskError::Tool(error) => FetchError::refused(format!("the template is damaged: {error}")),
        error => FetchError::again(error.to_string()),
    })?;
    let data_file = &info.format_specific["data"]["data-file"];
    if info.backing_filename.is_some() || info.full_backing_filename.is_some() || !data_file.is_null() {
        return Err(FetchError::refused("the template reads from another file, which is not allowed"));
    }
    if info.format != "qcow2" || info.virtual_size != virtual_bytes || !info.snapshots.is_empty() || info.encrypted {
        return Err(FetchError::refused("the template is not a plain qcow2 image"));
    }
    let size_bytes = path.metadata().map_or(0, |metadata| metadata.len());
    Ok(ImageFacts { format: info.format, virtual_bytes, size_bytes })
}

const HEADER_BYTES: usize = 104;

fn read_header(path: &Path) -> std::io::Result<[u8; HEADER_BYTES]> {
    let mut header = [0; HEADER_BYTES];
    File::open(path)?.take(HEADER_BYTES as u64).read_exact(&mut header)?;
    Ok(header)
}

/// Reads a qcow2 header (QEMU's docs/interop/qcow2.txt) and returns the virtual size in bytes.
fn header_facts(header: &[u8; HEADER_BYTES], virtual_limit_bytes: u64) -> Result<u64, String> {
    let u32_at = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) << 32 | u64::from(u32_at(at + 4));
    if header[..4] != *b"QFI\xfb" {
        return Err("the template is not a qcow2 image".into());
    }
    let version = u32_at(4);
    if version != 2 && version != 3 {
        return Err(format!("the template is a qcow2 image of the unknown version {version}"));
    }
    if u64_at(8) != 0 || u32_at(16) != 0 {
        return Err("the template has a backing file, which is not allowed".into());
    }
    let virtual_bytes = u64_at(24);
    if virtual_bytes == 0 || virtual_bytes > virtual_limit_bytes {
        return Err(format!(
            "the template claims a disk of {} MiB, and at most {} MiB are allowed",
            virtual_bytes >> 20,
            virtual_limit_bytes >> 20
        ));
    }
    if u32_at(32) != 0 {
        return Err("the template is encrypted".into());
    }
    if u32_at(60) != 0 {
        return Err("the template holds snapshots, which is not allowed".into());
    }
    // Incompatible features: dirty, corrupt, data file, compression type, extended L2 entries.
    let features = if version == 3 { u64_at(72) } else { 0 };
    if features & 0b100 != 0 {
        return Err("the template keeps its data in another file, which is not allowed".into());
    }
    if features & 0b11 != 0 {
        return Err("the template was not closed properly or is damaged".into());
    }
    if features & !0b1_1111 != 0 {
        return Err("the template needs features that are not known here".into());
    }
    Ok(virtual_bytes)
}

/// A template that is being written into the cache. Dropped before [`ImageWriter::finish`], it leaves nothing.
pub struct ImageWriter {
    digest: ImageDigest,
    path: PathBuf,
    part: PathBuf,
    file: File,
    hasher: Hasher,
    limits: ImageLimits,
    got_bytes: u64,
    done: bool,
}

impl ImageWriter {
    /// `size_bytes` is what is to come, 0 where that is not known.
    pub fn begin(
        paths: &Paths,
        digest: &ImageDigest,
        size_bytes: u64,
        limits: ImageLimits,
    ) -> Result<ImageWriter, FetchError> {
        if size_bytes > limits.bytes() {
            return Err(too_large(size_bytes, limits));
        }
        let path = digest.path(paths);
        let part = part_of(&path);
        let io = |error: std::io::Error| disk_sentence(DiskError::io(&part)(error));
        let free_bytes =
            rustix::fs::statvfs(paths.images_dir()).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        if free_bytes.is_ok_and(|free_bytes| free_bytes < size_bytes) {
            return Err(disk_sentence(DiskError::Full { path }));
        }
        let file = File::options().write(true).create(true).truncate(false).open(&part).map_err(io)?;
        // Two writers would mix their bytes. The lock goes with the file's handle, also when the process is killed.
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| FetchError::again("this template is being fetched already"))?;
        file.set_len(0).map_err(io)?;
        let (hasher, digest) = (digest.hasher(), digest.clone());
        Ok(ImageWriter { digest, path, part, file, hasher, limits, got_bytes: 0, done: false })
    }

    /// The next bytes, in order.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.got_bytes += bytes.len() as u64;
        if self.got_bytes > self.limits.bytes() {
            return Err(too_large(self.got_bytes, self.limits));
        }
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(|error| disk_sentence(DiskError::io(&self.part)(error)))
    }

    pub fn got_bytes(&self) -> u64 {
        self.got_bytes
    }

    /// Checks the checksum and the image, and gives the file its name.
    pub async fn finish(mut self) -> Result<ImageRef, FetchError> {
        let hasher = std::mem::replace(&mut self.hasher, Hasher::Sha256(Sha256::new()));
        let found = hasher.finish();
        if found != self.digest.0 {
            return Err(FetchError::refused(format!(
                "the template has the wrong checksum: {found} came, and {} was ordered",
                self.digest.0
            )));
        }
        let facts = check_image(&self.part, self.limits).await?;
        let mode = std::fs::Permissions::from_mode(IMAGE_MODE);
        std::fs::set_permissions(&self.part, mode)
            .map_err(DiskError::io(&self.part))
            .and_then(|()| publish(&self.part, &self.path))
            .map_err(disk_sentence)?;
        self.done = true;
        Ok(ImageRef { path: self.path.clone(), format: facts.format, virtual_bytes: facts.virtual_bytes })
    }
}

impl Drop for ImageWriter {
    fn drop(&mut self) {
        if !self.done {
            // What stays is truncated by the next writer.
            let _ = remove_if_there(&self.part);
        }
    }
}

fn too_large(bytes: u64, limits: ImageLimits) -> FetchError {
    let (got_mib, limit_mib) = (bytes.div_ceil(1 << 20), limits.bytes() >> 20);
    FetchError::refused(format!(
        "the template is too large: {got_mib} MiB or more, and at most {limit_mib} MiB are allowed"
    ))
}

/// A full or broken disk is the operator's to mend; after that trying again helps.
fn disk_sentence(error: DiskError) -> FetchError {
    FetchError::again(error.to_string())
}

/// Fetches a template into the cache. `progress` is told the bytes that came and, where the server says, how many
/// there will be (else 0).
pub async fn download(
    paths: &Paths,
    digest: &ImageDigest,
    url: &str,
    limits: ImageLimits,
    allowed_private_hosts: &[String],
    progress: impl Fn(u64, u64),
) -> Result<ImageRef, FetchError> {
    if let Some(image) = cached(paths, digest) {
        return Ok(image);
    }
    let fetch = async {
        let mut response = fetch_guard::get(url, allowed_private_hosts).await?;
        let total_bytes = response.content_length().unwrap_or(0);
        let mut writer = ImageWriter::begin(paths, digest, total_bytes, limits)?;
        progress(0, total_bytes);
        loop {
            let piece =
                response.chunk().await.map_err(|error| cut_off(url, writer.got_bytes(), total_bytes, &error))?;
            let Some(piece) = piece else { return writer.finish().await };
            writer.write(&piece)?;
            progress(writer.got_bytes(), total_bytes);
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

fn cut_off(url: &str, got_bytes: u64, total_bytes: u64, error: &reqwest::Error) -> FetchError {
    let of = if total_bytes == 0 { String::new() } else { format!(" of {total_bytes}") };
    FetchError::again(format!("the download of {url} was cut off after {got_bytes}{of} bytes: {}", root_cause(error)))
}

#[cfg(test)]
mod tests;
