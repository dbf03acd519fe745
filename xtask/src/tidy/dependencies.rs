//! Who may depend on whom, and which crates never come in: what ARCHITECTURE.md promises.

use super::Source;

/// (crate, what its manifest must not name).
const NEVER: [(&str, &[&str]); 6] = [
    ("api", &["berth-store", "berth-control", "berth-agent", "berth-proto", "sea-orm", "axum", "tonic"]),
    ("proto", &["berth-store", "berth-control", "berth-agent", "berth-api", "sea-orm"]),
    ("store", &["berth-control", "berth-agent", "berth-proto", "berth-api", "axum", "tonic"]),
    ("control", &["berth-agent", "sea-orm", "virt", "virt-sys", "nftables"]),
    ("agent", &["berth-store", "berth-control", "berth-api", "sea-orm"]),
    ("berth", &["sea-orm", "virt", "virt-sys"]),
];

/// Cryptography is ring's alone.
const NOT_LOCKED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];
/// Two SQLites in one process would undo each other's file locks.
const LOCKED_ONCE: &str = "libsqlite3-sys";

pub fn check(sources: &[Source]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (name, banned) in NEVER {
        let path = format!("crates/{name}/Cargo.toml");
        let Some(manifest) = sources.iter().find(|source| source.path == path) else { continue };
        for dependency in shipped_dependencies(&manifest.text) {
            if banned.contains(&dependency) {
                mistakes.push(format!("{path}: berth-{name} must not depend on {dependency}"));
            }
        }
    }
    if let Some(lock) = sources.iter().find(|source| source.path == "Cargo.lock") {
        let count = |name: &str| lock.text.lines().filter(|line| *line == format!("name = \"{name}\"")).count();
        for name in NOT_LOCKED.iter().filter(|name| count(name) > 0) {
            mistakes.push(format!("Cargo.lock: {name} came in; turn off the feature that brings it"));
        }
        if count(LOCKED_ONCE) > 1 {
            mistakes.push(format!("Cargo.lock: {LOCKED_ONCE} is there twice"));
        }
    }
    mistakes
}

/// Names under `[dependencies]`; tests may use what they like.
fn shipped_dependencies(manifest: &str) -> Vec<&str> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]" {
            found.extend(line.split(['=', '.', ' ']).next().filter(|name| !name.is_empty() && !name.starts_with('#')));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    #[test]
    fn a_forbidden_dependency_is_found_and_one_of_the_tests_is_not() {
        let manifest = "[dependencies]\nserde.workspace = true\nsea-orm = \"2\"\n[dev-dependencies]\nberth-store.workspace = true\n";
        let mistakes = check(&[source("crates/api/Cargo.toml", manifest)]);
        assert_eq!(mistakes, ["crates/api/Cargo.toml: berth-api must not depend on sea-orm"]);
    }

    #[test]
    fn a_second_cryptography_is_found_in_the_lock() {
        let lock = "[[package]]\nname = \"openssl-sys\"\n[[package]]\nname = \"libsqlite3-sys\"\n[[package]]\nname = \"libsqlite3-sys\"\n";
        assert_eq!(check(&[source("Cargo.lock", lock)]).len(), 2);
    }
}
