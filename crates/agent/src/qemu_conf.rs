//! Checks libvirt's configuration of QEMU, which belongs to the node's owner: the agent reads it and says what is
//! missing, and never writes it.

use std::path::Path;

/// Where libvirt keeps it.
pub const QEMU_CONF: &str = "/etc/libvirt/qemu.conf";

/// What should stand in the file and does not, a sentence each. Empty: all is well.
pub fn check_qemu_conf(path: &Path) -> Vec<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => missing(&text),
        Err(error) => vec![format!("{} can't be read ({error}), so the sandbox of QEMU is not known", path.display())],
    }
}

/// libvirt's defaults count: QEMU's sandbox is on unless it is switched off, and `dynamic_ownership` too.
fn missing(text: &str) -> Vec<String> {
    let value = |name: &str| {
        let lines = text.lines().filter_map(|line| line.trim().split_once('='));
        // The last one wins, as in libvirt's own reader.
        lines.filter(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned()).next_back()
    };
    let mut found = Vec::new();
    if value("seccomp_sandbox").as_deref() == Some("0") {
        found.push("seccomp_sandbox = 0 in qemu.conf: QEMU runs without its sandbox; set it to 1".into());
    }
    if value("dynamic_ownership").as_deref() == Some("0") {
        found.push("dynamic_ownership = 0 in qemu.conf: guests can't run as users of their own".into());
    }
    if matches!(value("user").as_deref(), Some("\"root\"" | "\"0\"" | "\"+0\"")) {
        found.push("user in qemu.conf is root: QEMU must not run as root".into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t16_a_node_without_the_sandbox_is_told_so() {
        assert_eq!(missing("seccomp_sandbox = 1\n"), Vec::<String>::new());
        assert_eq!(missing("#seccomp_sandbox = 0\n"), Vec::<String>::new());
        assert_eq!(missing("seccomp_sandbox = 1\nseccomp_sandbox = 0\n").len(), 1);
        assert_eq!(missing("seccomp_sandbox=1\nuser = \"root\"\ndynamic_ownership = 0").len(), 2);
        assert_eq!(check_qemu_conf(Path::new("/nonexistent")).len(), 1);
    }
}
