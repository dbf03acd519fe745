//! Puts the cloud-config of a template's administrator under Berth's own.

use serde_json::{Map, Value};

use super::SeedError;

/// More than this is refused before it is parsed.
const USER_DATA_LIMIT_BYTES: usize = 64 << 10;
/// Lists in which both have a say, Berth's entries first. Any other key is Berth's where Berth sets it.
const JOINED: [&str; 6] = ["write_files", "runcmd", "bootcmd", "packages", "users", "ssh_authorized_keys"];

/// `own` with what `theirs` (YAML of a cloud-config) adds to it.
pub(super) fn under(mut own: Map<String, Value>, theirs: &str) -> Result<Map<String, Value>, SeedError> {
    if theirs.len() > USER_DATA_LIMIT_BYTES {
        return Err(SeedError(format!(
            "the template's cloud-config is larger than {} KiB",
            USER_DATA_LIMIT_BYTES >> 10
        )));
    }
    if theirs.starts_with("#!") || theirs.starts_with("Content-Type:") {
        return Err(SeedError("the template's user data is not a cloud-config, and only that can be merged".into()));
    }
    // The parser bounds nesting, aliases and their expansion.
    let theirs: Value = serde_saphyr::from_str(theirs).map_err(|error| {
        let first = error.to_string().lines().next().unwrap_or_default().to_owned();
        SeedError(format!("the template's cloud-config is not YAML: {first}"))
    })?;
    let Value::Object(theirs) = theirs else {
        return Err(SeedError("the template's cloud-config is not a mapping".into()));
    };
    for (key, value) in theirs {
        match (own.get_mut(&key), value) {
            (None, value) => drop(own.insert(key, value)),
            (Some(Value::Array(ours)), Value::Array(more)) if JOINED.contains(&key.as_str()) => ours.extend(more),
            (Some(_), _) => {}
        }
    }
    Ok(own)
}
