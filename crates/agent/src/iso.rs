//! The node's cache of ISO images for guests' drives: immutable files, named by their SHA-256.
//!
//! A guest's QEMU reads one as plain bytes and can't write it, so that nothing in it is interpreted on the node. What
//! is looked at is whether it is a disc at all: the mark of ISO 9660 or of UDF where the standards put it (ECMA-119 and
//! ECMA-167: a volume descriptor at sector 16).

use std::collections::BTreeSet;
use std::fs::{File, FileTimes};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::cache_file::{self, CacheFile, Hasher};
use crate::fetch_guard::FetchError;
use crate::image::ImageDigest;
use crate::paths::Paths;

/// The largest installation discs have some 15 GiB.
pub const SIZE_LIMIT_BYTES: u64 = 32 << 30;
const WHAT: &str = "ISO image";
/// Sector 16, after the descriptor's type.
const MARK_AT: u64 = 16 * 2048 + 1;
const MARKS: [&[u8; 5]; 2] = [b"CD001", b"BEA01"];
/// A disc that was asked for may be mounted in a moment, by somebody whom the list of those to keep does not know yet;
/// and no fetch takes as long.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Where the disc of this digest lies in the cache.
pub fn path(paths: &Paths, digest: &ImageDigest) -> PathBuf {
    paths.isos_dir().join(format!("{}.iso", digest.as_str().replace(':', "-")))
}

/// The disc of this digest, where the cache has it.
pub fn cached(paths: &Paths, digest: &ImageDigest) -> Option<PathBuf> {
    let path = path(paths, digest);
    path.is_file().then_some(path)
}

/// Notes that somebody asked for a disc, so that [`prune`] leaves it for a while.
pub fn touch(path: &Path, now: SystemTime) -> io::Result<()> {
    File::open(path)?.set_times(FileTimes::new().set_modified(now))
}

/// What [`prune`] removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub digests: Vec<String>,
    pub bytes: u64,
}

/// Removes discs that are not among those to keep and were not asked for lately, and what fetches left that were
/// killed. A guest that still reads one goes on: the file is there as long as it is open.
pub fn prune(paths: &Paths, keep: &BTreeSet<String>, now: SystemTime) -> io::Result<Pruned> {
    let mut pruned = Pruned::default();
    for entry in std::fs::read_dir(paths.isos_dir())? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let meta = entry.symlink_metadata()?;
        let is_old = meta.modified()?.checked_add(KEPT).is_none_or(|until| until <= now);
        let hex = name.to_str().and_then(|name| name.strip_prefix("sha256-")?.strip_suffix(".iso"));
        let digest = hex.map(|hex| format!("sha256:{hex}"));
        if !meta.is_file() || !is_old || digest.as_ref().is_some_and(|digest| keep.contains(digest)) {
            continue;
        }
        std::fs::remove_file(&entry)?;
        pruned.bytes += meta.len();
        pruned.digests.extend(digest);
    }
    pruned.digests.sort();
    Ok(pruned)
}

/// Discs are known by SHA-256 alone.
pub fn parse_digest(text: &str) -> Result<ImageDigest, FetchError> {
    let digest = ImageDigest::parse(text)?;
    if digest.as_str().starts_with("sha256:") {
        Ok(digest)
    } else {
        Err(FetchError::refused("an ISO image is known by its SHA-256, and another checksum was given"))
    }
}

fn limit(bytes: u64) -> u64 {
    if bytes == 0 { SIZE_LIMIT_BYTES } else { bytes.min(SIZE_LIMIT_BYTES) }
}

/// A disc that is being written into the cache.
pub struct IsoWriter {
    digest: Option<ImageDigest>,
    file: CacheFile,
}

impl IsoWriter {
    pub fn begin(paths: &Paths, digest: &ImageDigest, size_bytes: u64) -> Result<IsoWriter, FetchError> {
        let path = path(paths, digest);
        let file = CacheFile::begin(WHAT, &path, Hasher::sha256(), size_bytes, SIZE_LIMIT_BYTES)?;
        Ok(IsoWriter { digest: Some(digest.clone()), file })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write(bytes)
    }

    /// Checks the checksum and that it is a disc, and gives the file its name. Answers its digest.
    pub fn finish(mut self, paths: &Paths) -> Result<ImageDigest, FetchError> {
        let found = self.file.digest(self.digest.as_ref().map(ImageDigest::as_str))?;
        check(self.file.part())?;
        let digest = ImageDigest::parse(&found)?;
        self.file.publish(&path(paths, &digest))?;
        Ok(digest)
    }
}

/// Whether the file is a disc; the error is a sentence.
fn check(file: &Path) -> Result<(), FetchError> {
    let mut mark = [0; 5];
    let read = File::open(file).and_then(|file| file.read_exact_at(&mut mark, MARK_AT));
    if read.is_ok() && MARKS.contains(&&mark) {
        Ok(())
    } else {
        Err(FetchError::refused("the file is no ISO image: neither ISO 9660 nor UDF is in it"))
    }
}

/// What to fetch: `digest` where it is known, and a name of the fetch for where it is not.
pub struct Order<'a> {
    pub digest: Option<&'a ImageDigest>,
    pub fetch_id: &'a str,
    pub url: &'a str,
    /// 0: the limit of this module.
    pub max_bytes: u64,
    pub allowed_private_hosts: &'a [String],
}

/// Fetches a disc into the cache and answers its digest. `progress` is told the bytes that came and how many there will
/// be (0: unknown).
pub async fn download(paths: &Paths, order: Order<'_>, progress: impl Fn(u64, u64)) -> Result<ImageDigest, FetchError> {
    let beside = order.digest.map_or_else(|| paths.iso_fetch(order.fetch_id), |digest| path(paths, digest));
    let begin = |size_bytes| CacheFile::begin(WHAT, &beside, Hasher::sha256(), size_bytes, limit(order.max_bytes));
    let file = cache_file::download(order.url, order.allowed_private_hosts, begin, progress).await?;
    IsoWriter { digest: order.digest.cloned(), file }.finish(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least that passes for a disc.
    fn disc(mark: &[u8; 5]) -> Vec<u8> {
        let mut bytes = vec![0; 20 * 2048];
        let at = usize::try_from(MARK_AT).unwrap();
        bytes[at..at + 5].copy_from_slice(mark);
        bytes
    }

    fn digest(bytes: &[u8]) -> ImageDigest {
        use sha2::{Digest, Sha256};
        ImageDigest::parse(&format!("sha256:{}", hex::encode(Sha256::digest(bytes)))).unwrap()
    }

    fn paths(dir: &tempfile::TempDir) -> Paths {
        let paths = Paths::new(dir.path());
        paths.ensure_dirs().unwrap();
        paths
    }

    #[test]
    fn discs_are_kept_by_their_digest_and_what_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(&dir);
        for bytes in [disc(b"CD001"), disc(b"BEA01")] {
            let digest = digest(&bytes);
            let mut writer = IsoWriter::begin(&paths, &digest, bytes.len() as u64).unwrap();
            writer.write(&bytes).unwrap();
            assert_eq!(cached(&paths, &digest), None, "not before it is whole");
            assert_eq!(writer.finish(&paths).unwrap(), digest);
            assert!(cached(&paths, &digest).is_some());
        }
        let short = b"CD001".to_vec();
        for bytes in [disc(b"QFI\xfb\0"), short, Vec::new()] {
            let mut writer = IsoWriter::begin(&paths, &digest(&bytes), 0).unwrap();
            writer.write(&bytes).unwrap();
            assert!(writer.finish(&paths).unwrap_err().sentence.contains("no ISO image"));
        }
        let mut writer = IsoWriter::begin(&paths, &digest(b"another"), 0).unwrap();
        writer.write(&disc(b"CD001")).unwrap();
        assert!(writer.finish(&paths).unwrap_err().sentence.contains("wrong checksum"));
        assert_eq!(std::fs::read_dir(paths.isos_dir()).unwrap().count(), 2, "what was refused left nothing");
    }

    #[test]
    fn discs_that_nobody_keeps_go_after_a_day_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(&dir);
        let put = |content: u8| {
            let bytes = [disc(b"CD001"), vec![content]].concat();
            let digest = digest(&bytes);
            let mut writer = IsoWriter::begin(&paths, &digest, 0).unwrap();
            writer.write(&bytes).unwrap();
            writer.finish(&paths).unwrap()
        };
        let (kept, asked_for, old) = (put(1), put(2), put(3));
        let part = paths.iso_fetch("given-up").with_extension("iso.part");
        std::fs::write(&part, b"half of it").unwrap();
        let made = path(&paths, &old).metadata().unwrap().modified().unwrap();
        let keep = BTreeSet::from([kept.as_str().to_owned()]);
        let almost = made + KEPT - Duration::from_secs(1);
        assert_eq!(prune(&paths, &keep, almost).unwrap(), Pruned::default(), "all of them are young");
        touch(&path(&paths, &asked_for), almost).unwrap();
        let later = made + KEPT + Duration::from_secs(60);
        let pruned = prune(&paths, &keep, later).unwrap();
        let bytes = disc(b"CD001").len() as u64 + 1 + 10;
        assert_eq!(pruned, Pruned { digests: vec![old.as_str().to_owned()], bytes });
        assert!(cached(&paths, &kept).is_some() && cached(&paths, &asked_for).is_some());
        assert!(cached(&paths, &old).is_none() && !part.exists());
        assert_eq!(prune(&paths, &keep, later).unwrap(), Pruned::default(), "twice is once");
        let pruned = prune(&paths, &BTreeSet::new(), later + KEPT).unwrap();
        assert_eq!(pruned.digests.len(), 2, "nothing is kept for ever that nobody names");
    }

    #[test]
    fn t12_a_disc_has_a_bound() {
        let dir = tempfile::tempdir().unwrap();
        let refused = IsoWriter::begin(&paths(&dir), &digest(b"x"), SIZE_LIMIT_BYTES + 1).err().unwrap();
        assert!(refused.sentence.contains("too large") && !refused.retry);
    }

    #[tokio::test]
    async fn t06_discs_never_come_from_private_addresses() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(&dir);
        for (url, word) in [
            ("https://127.0.0.1/a.iso", "is refused"),
            ("https://169.254.169.254/a.iso", "is refused"),
            ("https://[::1]/a.iso", "is refused"),
            ("https://user:pass@192.0.2.1/a.iso", "password"),
            ("file:///etc/passwd", "neither http nor https"),
        ] {
            let order = Order { digest: None, fetch_id: "../x", url, max_bytes: 0, allowed_private_hosts: &[] };
            let error = download(&paths, order, |_, _| {}).await.unwrap_err();
            assert!(error.sentence.contains(word) && !error.retry, "{url}: {error:?}");
        }
    }

    #[test]
    fn a_disc_is_known_by_sha256_alone() {
        assert!(parse_digest(&format!("sha512:{}", "a".repeat(128))).is_err());
        assert!(parse_digest(&format!("sha256:{}", "a".repeat(64))).is_ok());
    }
}
