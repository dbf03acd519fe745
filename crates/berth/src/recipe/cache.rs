//! Built images are kept by a hash of what they were made of, so that building again is instant until a recipe or a
//! package changes.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use berth_agent::cmd::Cmd;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::Recipe;

const KEY_CHARS: usize = 16;

/// Hash of the recipe's files and of the versions that the packages would come in.
pub(super) async fn key(recipe: &Recipe) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    for file in files(&recipe.dir)? {
        let relative = file.strip_prefix(&recipe.dir).unwrap_or(&file);
        hash.update(relative.as_os_str().as_encoded_bytes());
        hash.update([0]);
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hash.update(package_versions(recipe).await);
    let mut key = hex::encode(hash.finalize());
    key.truncate(KEY_CHARS);
    Ok(key)
}

/// As this machine's package lists tell them. Empty where the machine has none: then a new version is noticed only
/// when the recipe changes.
async fn package_versions(recipe: &Recipe) -> String {
    let asked = Cmd::new("apt-cache").arg("policy").arg("--").args(&recipe.base.packages).run().await;
    let Ok(answer) = asked else { return String::new() };
    let of_interest = |line: &&str| !line.starts_with(' ') || line.trim_start().starts_with("Candidate:");
    answer.text().lines().filter(of_interest).collect::<Vec<_>>().join("\n")
}

/// All files below a folder, in an order that does not depend on the file system.
fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    Ok(found)
}

/// Held while an image is built, so that two builds at once make one.
pub(super) async fn lock(dir: &Path, name: &str) -> anyhow::Result<File> {
    let path = dir.join(format!(".{name}.lock"));
    tokio::task::spawn_blocking(move || {
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        flock(&file, FlockOperation::LockExclusive).with_context(|| path.display().to_string())?;
        Ok(file)
    })
    .await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_key_changes_with_any_file_of_the_recipe() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = dir.path().join("templates/tiny");
        std::fs::create_dir_all(recipe.join("root")).unwrap();
        let text = "[template]\nname='T'\nversion='1'\ndescription=''\ncategory=''\nicon=''\nos_type='linux'\n\
                    firmware=['bios']\n[base]\nsuite='bookworm'\nvariant='extract'\npackages=[]\n";
        std::fs::write(recipe.join("recipe.toml"), text).unwrap();
        let read = || Recipe::find("tiny", Some(&dir.path().join("templates"))).unwrap();
        let first = key(&read()).await.unwrap();
        assert_eq!(key(&read()).await.unwrap(), first);
        std::fs::write(recipe.join("root/motd"), "hello").unwrap();
        assert_ne!(key(&read()).await.unwrap(), first);
    }
}
