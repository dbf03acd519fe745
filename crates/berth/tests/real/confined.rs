//! What a guest's QEMU may do on the host: its own user, the sandbox, no capability, and files that are its own.

use std::fs::read_to_string;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::support::berth::Berth;

/// Users of guests are numbered from here.
const FIRST_UID: u32 = 2_000_000;

/// `uuid` names a server that runs.
pub fn t16_the_guest_is_confined(berth: &Berth, uuid: &str) {
    let pid = read_to_string(format!("/run/libvirt/qemu/{}-{uuid}.pid", berth.place.instance)).expect("it runs");
    let status = read_to_string(PathBuf::from("/proc").join(pid.trim()).join("status")).expect("it runs");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().skip(1).map(String::from).collect::<Vec<_>>()
    };
    let uid: u32 = field("Uid:")[0].parse().expect("a number");
    assert!(uid >= FIRST_UID, "the guest runs as user {uid}");
    assert_eq!(field("Uid:"), vec![uid.to_string(); 4]);
    assert_eq!(field("Gid:"), vec![uid.to_string(); 4]);
    assert_eq!(field("Seccomp:"), ["2"], "the sandbox is a filter");
    assert_eq!(field("CapEff:"), ["0000000000000000"]);

    let agent = berth.place.agent_dir();
    assert_eq!(owner_and_mode(&agent.join("seeds").join(format!("{uuid}.iso"))), (uid, 0o400));
    for volume in files(&agent.join("volumes")) {
        assert_eq!(owner_and_mode(&volume), (uid, 0o600), "{}", volume.display());
    }
    let templates = files(&agent.join("images"));
    assert!(!templates.is_empty());
    for template in templates {
        assert_eq!(owner_and_mode(&template), (0, 0o444), "every guest's template is root's: {}", template.display());
    }
}

fn owner_and_mode(path: &Path) -> (u32, u32) {
    let meta = path.metadata().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (meta.uid(), meta.mode() & 0o777)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    dir.read_dir().expect("the folder is there").map(|entry| entry.expect("an entry").path()).collect()
}
