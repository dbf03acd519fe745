//! What may become part of Berth, as `deny.toml` says it: licences and where crates come from. `cargo deny` knows more
//! (advisories), where it is installed; these two hold wherever the tests run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// What is shipped runs there; crates for other systems are never compiled.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub fn check(workspace: &Path) -> anyhow::Result<Vec<String>> {
    let file = workspace.join("deny.toml");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let rules: toml::Table = toml::from_str(&text).with_context(|| file.display().to_string())?;
    let allowed: Vec<&str> =
        rules["licenses"]["allow"].as_array().into_iter().flatten().filter_map(|l| l.as_str()).collect();
    ensure!(!allowed.is_empty(), "deny.toml allows no licence at all");
    let metadata = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--locked", "--format-version=1", "--filter-platform", PLATFORM])
        .current_dir(workspace)
        .output()?;
    ensure!(metadata.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&metadata.stderr).trim());
    let metadata: Value = serde_json::from_slice(&metadata.stdout).context("the answer of cargo metadata")?;
    let packages = metadata["packages"].as_array().context("no packages in the answer of cargo metadata")?;
    Ok(packages.iter().filter_map(|package| mistake(package, &allowed)).collect())
}

fn mistake(package: &Value, allowed: &[&str]) -> Option<String> {
    let (name, licence) = (package["name"].as_str().unwrap_or("?"), package["license"].as_str().unwrap_or_default());
    match package["source"].as_str() {
        // A crate of this workspace.
        None => return None,
        Some(REGISTRY) => {}
        Some(source) => return Some(format!("Cargo.lock: {name} comes from {source}, and not from crates.io")),
    }
    let fine = Expression::of(licence).fits(allowed);
    (!fine).then(|| format!("Cargo.lock: {name} is under {licence:?}, which deny.toml does not allow"))
}

/// An SPDX expression (<https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/>), read from left to right.
struct Expression<'e> {
    /// The next one is the last.
    words: Vec<&'e str>,
    is_sound: bool,
}

impl<'e> Expression<'e> {
    /// The slash is the `OR` of old manifests.
    fn of(text: &'e str) -> Self {
        let mut words = Vec::new();
        for part in text.split_whitespace().flat_map(|word| word.split_inclusive(['(', ')', '/'])) {
            let name = part.trim_end_matches(['(', ')', '/']);
            let sign = if part.ends_with('/') { "OR" } else { &part[name.len()..] };
            words.extend([name, sign].into_iter().filter(|word| !word.is_empty()));
        }
        words.reverse();
        Self { words, is_sound: true }
    }

    /// Nothing may be left over: what is not understood is not allowed.
    fn fits(mut self, allowed: &[&str]) -> bool {
        self.any(allowed) && self.is_sound && self.words.is_empty()
    }

    fn any(&mut self, allowed: &[&str]) -> bool {
        let mut fine = self.all(allowed);
        while self.take("OR") {
            fine |= self.all(allowed);
        }
        fine
    }

    fn all(&mut self, allowed: &[&str]) -> bool {
        let mut fine = self.one(allowed);
        while self.take("AND") {
            fine &= self.one(allowed);
        }
        fine
    }

    fn one(&mut self, allowed: &[&str]) -> bool {
        if self.take("(") {
            let fine = self.any(allowed);
            self.is_sound &= self.take(")");
            return fine;
        }
        let Some(name) = self.words.pop() else {
            self.is_sound = false;
            return false;
        };
        if !self.take("WITH") {
            return allowed.contains(&name);
        }
        self.words.pop().is_some_and(|exception| allowed.contains(&format!("{name} WITH {exception}").as_str()))
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.last() == Some(&word);
        if is_next {
            self.words.pop();
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALLOWED: [&str; 4] = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let fine = [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 / MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "GPL-3.0 OR MIT AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
            "((MIT))",
        ];
        for text in fine {
            assert!(Expression::of(text).fits(&ALLOWED), "{text}");
        }
        let refused = [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR Apache-2.0) AND GPL-3.0",
            "MIT WITH LLVM-exception",
            "MIT OR",
            "MIT)",
            "(MIT",
            "MIT OR (MIT",
            "MIT Apache-2.0",
        ];
        for text in refused {
            assert!(!Expression::of(text).fits(&ALLOWED), "{text}");
        }
    }

    #[test]
    fn a_crate_from_elsewhere_and_one_without_a_licence_are_found() {
        let of = |source, licence| json!({ "name": "x", "source": source, "license": licence });
        assert_eq!(mistake(&of(json!(null), json!(null)), &ALLOWED), None);
        assert_eq!(mistake(&of(json!(REGISTRY), json!("MIT")), &ALLOWED), None);
        assert!(mistake(&of(json!("git+https://example.test/x"), json!("MIT")), &ALLOWED).is_some());
        assert!(mistake(&of(json!(REGISTRY), json!(null)), &ALLOWED).is_some());
    }
}
