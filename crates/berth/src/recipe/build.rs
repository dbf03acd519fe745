//! Builds an image from a recipe: Debian's packages by mmdebstrap, the disk by the recipe's script, the compressed
//! qcow2 by qemu-img.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use berth_agent::cmd::Cmd;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Recipe, cache};

/// Downloading and installing a distribution on a slow line.
const MMDEBSTRAP_LIMIT_S: u64 = 1_800;
const ASSEMBLE_LIMIT_S: u64 = 600;
const CONVERT_LIMIT_S: u64 = 900;

/// An image that is ready to be offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Built {
    pub path: PathBuf,
    /// `sha256:<hex>` of the file.
    pub digest: String,
    pub bytes: u64,
    /// Found in the cache, so that nothing was built.
    pub cached: bool,
}

/// Builds the recipe's image below `cache_dir`, or finds it there. `on_stage` hears what is done now.
pub async fn build(recipe: &Recipe, cache_dir: &Path, on_stage: impl Fn(&str)) -> anyhow::Result<Built> {
    std::fs::create_dir_all(cache_dir).with_context(|| cache_dir.display().to_string())?;
    let key = cache::key(recipe).await?;
    let image = cache_dir.join(format!("{}-{key}.qcow2", recipe.name));
    let _held = cache::lock(cache_dir, &recipe.name).await?;
    if let Some(built) = finished(&image)? {
        return Ok(built);
    }
    ensure!(
        rustix::process::geteuid().is_root(),
        "building an OS template needs root (`sudo berth template build {}`): files of the guest belong to its root",
        recipe.name
    );
    let work = cache_dir.join(format!("work-{}", recipe.name));
    remove_tree(&work)?;
    std::fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
    let made = make_image(recipe, &work, &image, on_stage).await;
    remove_tree(&work)?;
    made?;
    forget_older(cache_dir, &recipe.name, &image)?;
    let built = finished(&image)?.context("the image is not where it was written")?;
    Ok(Built { cached: false, ..built })
}

async fn make_image(recipe: &Recipe, work: &Path, image: &Path, on_stage: impl Fn(&str)) -> anyhow::Result<()> {
    on_stage("fetching and unpacking Debian's packages");
    let base = &recipe.base;
    let mut mmdebstrap = Cmd::new("mmdebstrap")
        .args(["--quiet", "--mode=root", "--format=directory"])
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .arg(format!("--variant={}", base.variant))
        .arg(format!("--include={}", base.packages.join(",")));
    if let Some(script) = &base.customize {
        mmdebstrap = mmdebstrap.arg(format!("--customize-hook={}", recipe.dir.join(script).display()));
    }
    mmdebstrap = mmdebstrap.arg(&base.suite).arg(work.join("base"));
    // Without a mirror, mmdebstrap takes Debian's with its updates and security updates.
    if let Some(mirror) = std::env::var_os("BERTH_DEBIAN_MIRROR") {
        mmdebstrap = mmdebstrap.arg(mirror);
    }
    mmdebstrap.timeout(Duration::from_secs(MMDEBSTRAP_LIMIT_S)).run().await?;

    on_stage("making the disk");
    let assemble = Cmd::new(recipe.dir.join("assemble")).arg(work);
    assemble.timeout(Duration::from_secs(ASSEMBLE_LIMIT_S)).run().await?;

    on_stage("compressing the image");
    let (raw, part) = (work.join("disk.raw"), work.join("image.qcow2"));
    let convert = Cmd::new("qemu-img")
        .args(["convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd"])
        .args([&raw, &part]);
    convert.timeout(Duration::from_secs(CONVERT_LIMIT_S)).run().await?;
    let digest = digest_of(&part).await?;
    // The digest first: an image without one is not finished.
    std::fs::write(digest_file(image), &digest)?;
    std::fs::File::open(&part)?.sync_all()?;
    std::fs::rename(&part, image).with_context(|| image.display().to_string())
}

fn finished(image: &Path) -> anyhow::Result<Option<Built>> {
    let Ok(facts) = std::fs::metadata(image) else { return Ok(None) };
    let file = digest_file(image);
    let digest = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    Ok(Some(Built { path: image.to_owned(), digest, bytes: facts.len(), cached: true }))
}

fn digest_file(image: &Path) -> PathBuf {
    image.with_extension("sha256")
}

/// SHA-256 of a file, as `sha256:<hex>`.
async fn digest_of(path: &Path) -> anyhow::Result<String> {
    let path = path.to_owned();
    let hash = tokio::task::spawn_blocking(move || {
        let (mut file, mut hash, mut piece) = (std::fs::File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
        loop {
            let len = file.read(&mut piece)?;
            if len == 0 {
                return Ok::<_, std::io::Error>(hash.finalize());
            }
            hash.update(&piece[..len]);
        }
    });
    Ok(format!("sha256:{}", hex::encode(hash.await??)))
}

/// Images of this recipe's older states are of no use: what a server was built from is in the control server's and
/// the nodes' own folders.
fn forget_older(cache_dir: &Path, name: &str, newest: &Path) -> anyhow::Result<()> {
    let key_of =
        |file: &str| file.strip_prefix(name)?.strip_prefix('-')?.split_once('.').map(|(key, _)| key.to_owned());
    let kept = newest.file_name().and_then(|file| key_of(&file.to_string_lossy()));
    for entry in std::fs::read_dir(cache_dir)? {
        let entry = entry?;
        let key = key_of(&entry.file_name().to_string_lossy());
        let is_key = key.as_deref().is_some_and(|key| key.chars().all(|c| c.is_ascii_hexdigit()));
        if is_key && key != kept {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn remove_tree(dir: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| dir.display().to_string())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_older_images_of_the_same_recipe_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let files =
            ["micro-aa11.qcow2", "micro-aa11.sha256", "micro-bb22.qcow2", "micro-x-aa11.qcow2", "other-aa.qcow2"];
        for file in files {
            std::fs::write(dir.path().join(file), "").unwrap();
        }
        forget_older(dir.path(), "micro", &dir.path().join("micro-bb22.qcow2")).unwrap();
        let left = files.map(|file| dir.path().join(file).exists());
        assert_eq!(left, [false, false, true, true, true]);
    }
}
