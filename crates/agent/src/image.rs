//! The node's cache of OS templates: immutable files, named by their checksum.
//!
//! A template comes from elsewhere and is read by QEMU, so it is looked at before anything opens it: only qcow2, and
//! none that names another file (a backing file or a data file), holds snapshots, or claims a size out of bounds. The
//! first bytes are read by this module itself; qemu-img sees the file only after that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::cache_file::{self, CacheFile, Hasher};
use crate::cmd::Cmd;
use crate::disk::{DiskError, ImageRef};
use crate::fetch_guard::{self, FetchError};
use crate::paths::Paths;
use crate::qcow2::{HEADER_BYTES, Header, parse, read_header};

/// Templates are never larger, whatever the control server says.
pub const SIZE_LIMIT_BYTES: u64 = 64 << 30;
/// The largest disk that a template may want.
pub const VIRTUAL_LIMIT_BYTES: u64 = 2 << 40;
const LOOK_TIMEOUT: Duration = Duration::from_secs(20);

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

    /// `sha256:<hex>` or `sha512:<hex>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the template of this checksum lies in the cache.
    pub fn path(&self, paths: &Paths) -> PathBuf {
        paths.images_dir().join(format!("{}.qcow2", self.0.replace(':', "-")))
    }

    fn hasher(&self) -> Hasher {
        if self.0.starts_with("sha512") { Hasher::sha512() } else { Hasher::sha256() }
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

/// `qemu-img info` of the file alone; its backing chain is never opened.
async fn image_info(path: &Path, format: &str) -> Result<ImageInfo, DiskError> {
    let cmd = Cmd::new("qemu-img").timeout(LOOK_TIMEOUT).args(["info", "--output=json", "-U", "-f", format]).arg(path);
    let output = cmd.run().await.map_err(DiskError::tool(path))?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        DiskError::Refused(format!("qemu-img says of {} what is not understood: {error}", path.display()))
    })
}

/// The part of `qemu-img info --output=json` that matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ImageInfo {
    virtual_size: u64,
    format: String,
    backing_filename: Option<String>,
    full_backing_filename: Option<String>,
    #[serde(default)]
    snapshots: Vec<serde_json::Value>,
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    format_specific: serde_json::Value,
}

/// The virtual size in bytes of an image that is plain and whole, by its header.
fn header_facts(header: &Header, virtual_limit_bytes: u64) -> Result<u64, String> {
    if !header.is_qcow2 {
        return Err("the template is not a qcow2 image".into());
    }
    if header.version != 2 && header.version != 3 {
        return Err(format!("the template is a qcow2 image of the unknown version {}", header.version));
    }
    if header.has_backing {
        return Err("the template has a backing file, which is not allowed".into());
    }
    let virtual_bytes = header.virtual_bytes;
    if virtual_bytes == 0 || virtual_bytes > virtual_limit_bytes {
        return Err(format!(
            "the template claims a disk of {} MiB, and at most {} MiB are allowed",
            virtual_bytes >> 20,
            virtual_limit_bytes >> 20
        ));
    }
    if header.is_encrypted {
        return Err("the template is encrypted".into());
    }
    if header.snapshots != 0 {
        return Err("the template holds snapshots, which is not allowed".into());
    }
    // Incompatible features: dirty, corrupt, data file, compression type, extended L2 entries.
    let features = header.incompatible_features;
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
    limits: ImageLimits,
    file: CacheFile,
}

impl ImageWriter {
    /// `size_bytes` is what is to come, 0 where that is not known.
    pub fn begin(
        paths: &Paths,
        digest: &ImageDigest,
        size_bytes: u64,
        limits: ImageLimits,
    ) -> Result<ImageWriter, FetchError> {
        let path = digest.path(paths);
        let file = CacheFile::begin("template", &path, digest.hasher(), size_bytes, limits.bytes())?;
        Ok(ImageWriter { digest: digest.clone(), path, limits, file })
    }

    /// The next bytes, in order.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write(bytes)
    }

    /// Checks the checksum and the image, and gives the file its name.
    pub async fn finish(mut self) -> Result<ImageRef, FetchError> {
        self.file.digest(Some(&self.digest.0))?;
        let facts = check_image(self.file.part(), self.limits).await?;
        self.file.publish(&self.path)?;
        Ok(ImageRef { path: self.path, format: facts.format, virtual_bytes: facts.virtual_bytes })
    }
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
    let path = digest.path(paths);
    let begin = |size_bytes| CacheFile::begin("template", &path, digest.hasher(), size_bytes, limits.bytes());
    let file = cache_file::download(url, allowed_private_hosts, begin, progress).await?;
    ImageWriter { digest: digest.clone(), path, limits, file }.finish().await
}

/// What the first bytes at `url` say of the image there. Whether the rest keeps the promise is seen when it is
/// downloaded.
pub async fn look_at(
    url: &str,
    limits: ImageLimits,
    allowed_private_hosts: &[String],
) -> Result<ImageFacts, FetchError> {
    let mut response = fetch_guard::get(url, allowed_private_hosts).await?;
    let size_bytes = response.content_length().unwrap_or(0);
    if size_bytes > limits.bytes() {
        return Err(cache_file::too_large("template", size_bytes, limits.bytes()));
    }
    let mut head = Vec::new();
    while head.len() < HEADER_BYTES {
        let piece =
            response.chunk().await.map_err(|error| cache_file::cut_off(url, head.len() as u64, size_bytes, &error))?;
        let Some(piece) = piece else { break };
        head.extend_from_slice(&piece[..piece.len().min(HEADER_BYTES - head.len())]);
    }
    let header = head.try_into().map(|head| parse(&head));
    let header = header.map_err(|_| FetchError::refused(format!("{url} is too short for a qcow2 image")))?;
    let virtual_bytes = header_facts(&header, limits.virtual_bytes()).map_err(FetchError::refused)?;
    Ok(ImageFacts { format: "qcow2".into(), virtual_bytes, size_bytes })
}

#[cfg(test)]
mod tests;
