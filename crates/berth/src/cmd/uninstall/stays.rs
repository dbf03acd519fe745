//! What `berth uninstall` leaves on the machine, to be said at its end: that others may rely on by now, so that putting
//! it back could break them.

use std::path::Path;

/// What the agent's networks need of the kernel, below `/proc/sys/net`. Docker and libvirt's own networks need it too, and
/// nobody tells who set it first.
const FORWARDING: [&str; 2] = ["ipv4/ip_forward", "ipv6/conf/all/forwarding"];
/// Of devices by which this machine learns routes, and of routed networks' uplinks.
const OF_DEVICES: [(&str, &str); 2] = [("accept_ra", "2"), ("proxy_ndp", "1")];
/// `scripts/debian-packages` writes it, with this text.
const POSTGRESQL: (&str, &str) = ("etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n");

/// Sentences about what is there below `root`, which is `/`.
pub fn sentences(root: &Path) -> Vec<String> {
    let mut all = vec!["Debian's packages (libvirt, QEMU, ...) stay.".to_owned()];
    let (file, text) = POSTGRESQL;
    if std::fs::read_to_string(root.join(file)).is_ok_and(|found| found == text) {
        all.push(format!("So does /{file}, which keeps Debian's PostgreSQL from making a cluster by itself."));
    }
    let on = settings(&root.join("proc/sys/net"));
    if !on.is_empty() {
        all.push(format!(
            "Settings of the kernel for forwarding stay until this machine's next start, for others may rely on them by \
             now: {}.",
            on.join(", ")
        ));
    }
    all
}

/// Those that are as the agent sets them, whoever did it. Named as files are: names of devices may hold dots.
fn settings(net: &Path) -> Vec<String> {
    let is = |key: &str, value: &str| std::fs::read_to_string(net.join(key)).is_ok_and(|found| found.trim() == value);
    let forwarding = FORWARDING.into_iter().filter(|key| is(key, "1"));
    let mut found: Vec<String> = forwarding.map(|key| format!("net/{key}")).collect();
    for device in entries(&net.join("ipv6/conf")) {
        for (name, value) in OF_DEVICES {
            let key = format!("ipv6/conf/{device}/{name}");
            if is(&key, value) {
                found.push(format!("net/{key}"));
            }
        }
    }
    found
}

/// In order; none where there is no such folder.
fn entries(dir: &Path) -> Vec<String> {
    let found = std::fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<String> = found.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = include_str!("../../../../../scripts/debian-packages");

    #[test]
    fn what_is_there_is_named_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(sentences(root.path()).len(), 1);
        for (file, text) in [
            (POSTGRESQL.0, POSTGRESQL.1),
            ("proc/sys/net/ipv4/ip_forward", "1\n"),
            ("proc/sys/net/ipv6/conf/all/forwarding", "0\n"),
            ("proc/sys/net/ipv6/conf/all/accept_ra", "1\n"),
            ("proc/sys/net/ipv6/conf/eth0.5/accept_ra", "2\n"),
        ] {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let said = sentences(root.path());
        assert_eq!(said.len(), 3);
        assert!(said[1].contains("/etc/postgresql-common/createcluster.conf"), "{said:?}");
        assert!(said[2].ends_with("by now: net/ipv4/ip_forward, net/ipv6/conf/eth0.5/accept_ra."), "{said:?}");
        std::fs::write(root.path().join(POSTGRESQL.0), "create_main_cluster = true\n").unwrap();
        assert_eq!(sentences(root.path()).len(), 2, "somebody's own");
    }

    #[test]
    fn the_file_is_what_the_script_writes() {
        let line = format!("echo '{}' | $as_root tee /{}", POSTGRESQL.1.trim(), POSTGRESQL.0);
        assert!(SCRIPT.contains(&line));
    }
}
