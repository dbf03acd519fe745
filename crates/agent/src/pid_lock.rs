//! Files that say which process has something for itself. The lock ends with the process, however that went; the file
//! only tells who has it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use rustix::process::Pid;

/// Held as long as the file is open. `Err` holds the process that has it.
pub fn take(path: &Path) -> anyhow::Result<Result<File, Pid>> {
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open.with_context(|| path.display().to_string())?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;
        return Ok(Ok(file));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    Ok(Err(pid.with_context(|| format!("{} names no process", path.display()))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it_until_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.lock");
        // Of a process that ended long ago.
        std::fs::write(&path, "4194304999").unwrap();
        let first = take(&path).unwrap().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(take(&path).unwrap().unwrap_err().as_raw_nonzero().get(), own);
        drop(first);
        take(&path).unwrap().unwrap();
    }
}
