//! Writes a guest's cloud-init seed: a small CD image with the label `CIDATA`, by which the guest's NoCloud finds it.
//!
//! The writer stamps the clock into the image, so two images of the same files differ; whether a seed is up to date
//! is told by a hash of its inputs, kept beside it.

use std::io::{Cursor, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hadris_iso::read::PathSeparator;
use hadris_iso::write::options::{CreationFeatures, IsoFormatOptions};
use hadris_iso::write::{File as IsoFile, InputFiles, IsoImageWriter};
use sha2::{Digest, Sha256};

use crate::cloud_init::SeedFiles;
use crate::disk::{DiskError, own, part_of, publish, remove_if_there};

/// The label that NoCloud looks for.
pub const LABEL: &str = "CIDATA";
/// Guests did not find images that are smaller.
pub const SIZE_MIN_BYTES: usize = 1 << 20;
const SECTOR_BYTES: usize = 2048;
/// Counts as an input: raise it when the image itself is made in another way.
const LAYOUT_VERSION: u32 = 1;
/// Only the guest's QEMU (and root) reads it: a password hash is in it.
const SEED_MODE: u32 = 0o400;

/// Makes the seed where it is missing or says something else, and gives it to the guest's user. True where it was
/// written.
pub fn ensure_seed(path: &Path, files: &SeedFiles, owner_uid: u32) -> Result<bool, DiskError> {
    let (wanted, beside) = (hash(files), hash_file(path));
    let found = std::fs::read_to_string(&beside).unwrap_or_default();
    if found.trim() == wanted && path.is_file() {
        own(path, owner_uid, SEED_MODE)?;
        return Ok(false);
    }
    let image = image(files)?;
    // The hash goes first and comes back last, so that it never stands beside an image that it does not describe.
    remove_if_there(&beside)?;
    write_whole(path, &image)?;
    own(path, owner_uid, SEED_MODE)?;
    write_whole(&beside, format!("{wanted}\n").as_bytes())?;
    Ok(true)
}

/// Removes the seed and what belongs to it.
pub fn remove_seed(path: &Path) -> Result<(), DiskError> {
    for file in [hash_file(path), path.to_owned(), part_of(path), part_of(&hash_file(path))] {
        remove_if_there(&file)?;
    }
    Ok(())
}

fn hash_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

/// Lengths are part of it: moving text from one file to the next is another seed.
fn hash(files: &SeedFiles) -> String {
    let mut hasher = Sha256::new();
    hasher.update(LAYOUT_VERSION.to_le_bytes());
    for file in [&files.meta_data, &files.user_data, &files.network_config] {
        hasher.update((file.len() as u64).to_le_bytes());
        hasher.update(file);
    }
    hex::encode(hasher.finalize())
}

fn image(files: &SeedFiles) -> Result<Vec<u8>, DiskError> {
    let named =
        [("meta-data", &files.meta_data), ("network-config", &files.network_config), ("user-data", &files.user_data)];
    let room: usize = named.iter().map(|(_, content)| content.len().next_multiple_of(SECTOR_BYTES)).sum();
    let input = InputFiles {
        path_separator: PathSeparator::ForwardSlash,
        files: named
            .map(|(name, content)| IsoFile::File {
                name: Arc::new(name.to_owned()),
                contents: content.clone().into_bytes(),
            })
            .into(),
    };
    let options = IsoFormatOptions {
        volume_name: LABEL.into(),
        system_id: None,
        volume_set_id: None,
        publisher_id: None,
        preparer_id: None,
        application_id: None,
        sector_size: SECTOR_BYTES,
        path_separator: PathSeparator::ForwardSlash,
        features: CreationFeatures::rock_ridge(),
        strict_charset: false,
    };
    let mut image = Cursor::new(vec![0; SIZE_MIN_BYTES + room]);
    IsoImageWriter::create(&mut image, input, options)
        .map_err(|error| DiskError::Refused(format!("the cloud-init seed could not be made: {error}")))?;
    Ok(image.into_inner())
}

fn write_whole(path: &Path, content: &[u8]) -> Result<(), DiskError> {
    let part = part_of(path);
    remove_if_there(&part)?;
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| file.write_all(content));
    if let Err(error) = written {
        let _ = remove_if_there(&part);
        return Err(DiskError::io(&part)(error));
    }
    publish(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> SeedFiles {
        SeedFiles {
            meta_data: "instance-id: \"i-1\"\n".into(),
            user_data: format!("#cloud-config\nhostname: \"web\"\n# {}\n", "x".repeat(5000)),
            network_config: "version: 2\n".into(),
        }
    }

    /// The owner of the test's files, so that the tests also run without root.
    fn me() -> u32 {
        rustix::process::getuid().as_raw()
    }

    #[test]
    fn a_seed_is_written_once_and_again_only_for_other_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.iso");
        assert!(ensure_seed(&path, &files(), me()).unwrap());
        assert!(!ensure_seed(&path, &files(), me()).unwrap());
        assert!(path.metadata().unwrap().len() >= SIZE_MIN_BYTES as u64);
        let other = SeedFiles { network_config: "version: 1\n".into(), ..files() };
        assert!(ensure_seed(&path, &other, me()).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(ensure_seed(&path, &other, me()).unwrap());
        remove_seed(&path).unwrap();
        remove_seed(&path).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    /// With the programs and the kernel that a guest has: the label by blkid, the files by a read-only mount where
    /// the test may mount.
    #[test]
    fn linux_finds_the_label_and_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.iso");
        ensure_seed(&path, &files(), me()).unwrap();
        let run = |program: &str, args: &[&std::ffi::OsStr]| {
            std::process::Command::new(program)
                .args(args)
                .output()
                .map(|output| (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
        };
        let (found, said) =
            run("/sbin/blkid", &["-p".as_ref(), "-o".as_ref(), "export".as_ref(), path.as_os_str()]).unwrap();
        assert!(found && said.contains("LABEL=CIDATA") && said.contains("TYPE=iso9660"), "{said}");
        let at = dir.path().join("mnt");
        std::fs::create_dir(&at).unwrap();
        let mount = ["-o", "ro,loop", "-t", "iso9660"].map(std::ffi::OsStr::new);
        let mounted = run("mount", &[&mount[..], &[path.as_os_str(), at.as_os_str()]].concat()).unwrap().0;
        if !mounted {
            return eprintln!("the part with a mount is skipped: this machine has no loop devices to give");
        }
        let read = ["meta-data", "user-data", "network-config"].map(|name| std::fs::read_to_string(at.join(name)));
        run("umount", &[at.as_os_str()]).unwrap();
        let SeedFiles { meta_data, user_data, network_config } = files();
        assert_eq!(read.map(Result::unwrap), [meta_data, user_data, network_config]);
    }

    #[test]
    fn the_image_reads_back_file_for_file() {
        let image = image(&files()).unwrap();
        let iso = hadris_iso::read::IsoImage::open(Cursor::new(image)).unwrap();
        let root = iso.root_dir();
        let listing = root.iter(&iso);
        let names: Vec<String> =
            listing.entries().map(|entry| String::from_utf8_lossy(entry.unwrap().name()).into_owned()).collect();
        assert!(names.len() >= 3, "{names:?}");
    }
}
