//! The rules, one file each. A rule takes the sources and tells its mistakes as sentences.

mod dependencies;
mod layout;
mod licences;
mod schemas;
mod sizes;
mod threats;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub struct Outcome {
    /// How long files and functions are, for people.
    pub sizes: String,
    pub mistakes: Vec<String>,
}

/// A text file of the project. `path` is relative to the workspace, with slashes.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Of a crate, and not of its tests.
    fn is_shipped(&self) -> bool {
        self.is_rust() && self.path.starts_with("crates/") && self.path.contains("/src/") && !self.is_tests_module()
    }

    fn is_tests_module(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

pub fn check(workspace: &Path) -> anyhow::Result<Outcome> {
    let sources = read(workspace)?;
    let mut mistakes = layout::check(&sources);
    mistakes.extend(words::check(&sources));
    mistakes.extend(sizes::check(&sources));
    mistakes.extend(threats::check(&sources));
    mistakes.extend(schemas::check(&sources));
    mistakes.extend(dependencies::check(&sources));
    mistakes.extend(licences::check(workspace)?);
    Ok(Outcome { sizes: sizes::report(&sources), mistakes })
}

const FOLDERS: [&str; 7] = ["crates", "xtask", "templates", "scripts", "docs", ".config", ".ci"];
const KINDS: [&str; 7] = ["rs", "toml", "md", "sh", "awk", "proto", "cfg"];

fn read(workspace: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> =
        FOLDERS.iter().map(|name| workspace.join(name)).filter(|dir| dir.is_dir()).collect();
    for entry in fs::read_dir(workspace)? {
        let entry = entry?;
        // A worktree's `.git` is a file that tells where it lies.
        if entry.file_type()?.is_file() && entry.file_name() != ".git" {
            take(workspace, &entry.path(), &mut sources)?;
        }
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                take(workspace, &entry.path(), &mut sources)?;
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// Known kinds, and files without one, which are scripts here.
fn take(workspace: &Path, file: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let known = file.extension().is_none_or(|kind| KINDS.iter().any(|known| kind == *known));
    let is_lock = file.file_name().is_some_and(|name| name == "Cargo.lock");
    if !known && !is_lock {
        return Ok(());
    }
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
    let path = file.strip_prefix(workspace).unwrap_or(file).to_string_lossy().into_owned();
    sources.push(Source { path, text });
    Ok(())
}

#[cfg(test)]
fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}
