//! The ledger's files: replaced as a whole, synced with their folder.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{Entry, LedgerError};

const SUFFIX: &str = ".json";

pub fn read_all(dir: &Path) -> Result<HashMap<String, Entry>, LedgerError> {
    let mut entries = HashMap::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // A `.part` is what a kill left of a write that nobody was told of.
        if !name.ends_with(SUFFIX) {
            continue;
        }
        let unreadable = |why: String| LedgerError::Unreadable(format!("{}: {why}", path.display()));
        let entry: Entry = serde_json::from_slice(&fs::read(&path)?).map_err(|error| unreadable(error.to_string()))?;
        if entry.version > Entry::VERSION {
            return Err(unreadable(format!("its version is {}, this agent knows {}", entry.version, Entry::VERSION)));
        }
        entries.insert(entry.server_uuid.clone(), entry);
    }
    Ok(entries)
}

pub fn write(dir: &Path, entry: &Entry) -> io::Result<()> {
    let name: String =
        entry.server_uuid.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    replace(dir, &format!("{name}{SUFFIX}"), &serde_json::to_vec(entry)?)
}

/// Writes a file that counts for nothing, and removes it.
pub fn probe(dir: &Path) -> io::Result<()> {
    let part = dir.join("probe.part");
    fs::write(&part, "probe")?;
    fs::remove_file(part)
}

/// Writes a file so that after any kill there is the old one or the new one.
pub fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = dir.join(format!("{name}.part"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, dir.join(name))?;
    fs::File::open(dir)?.sync_all()
}
