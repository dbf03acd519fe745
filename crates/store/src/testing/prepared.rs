//! What every database of a test begins with takes seconds to make: it is made once for each build of a test's program,
//! kept beside it, and copied.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::{fs, path::Path, time::UNIX_EPOCH};

/// Puts at `to`, a file or a folder, what `make` makes at the place that it is given.
pub fn copy_of(kind: &str, to: &Path, make: impl FnOnce(&Path)) {
    let program = std::env::current_exe().unwrap();
    let name = format!("{}.{kind}-", program.file_name().unwrap().to_string_lossy());
    let built = fs::metadata(&program).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
    let kept = program.with_file_name(format!("{name}{}", built.as_nanos()));
    if !kept.exists() {
        // Several tests may come here at once: each makes its own, and whole ones are put in place.
        let making = tempfile::tempdir_in(program.parent().unwrap()).unwrap();
        let part = making.path().join(kind);
        make(&part);
        let _ = fs::rename(&part, &kept);
        remove_others(&name, &kept);
    }
    super::cluster::copy(&kept, to);
}

/// What belongs to earlier builds of the program.
fn remove_others(name: &str, kept: &Path) {
    for entry in fs::read_dir(kept.parent().unwrap()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with(name) && entry.path() != kept {
            // Another may be removing it too.
            let _ =
                if entry.path().is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        }
    }
}
