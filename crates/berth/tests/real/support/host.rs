//! What is on the host: to prove that a Berth leaves nothing behind, and that a server is really there.

use std::path::Path;

use super::place::Place;
use super::process::{must, run};
use super::wait::until;

/// The host's own libvirt.
pub const SYSTEM: &str = "qemu:///system";

/// libvirt and its log daemon, started as `make up` does where no service manager runs them.
pub async fn ensure_libvirt() {
    assert_eq!(must("id", &["-u"], 5).await.trim(), "0", "the tests with real guests need root");
    if virsh(SYSTEM, &["version"]).await.is_some() {
        return;
    }
    run("virtlogd", &["-d"], 10).await;
    run("libvirtd", &["-d"], 10).await;
    until("libvirtd answers", 20, async || virsh(SYSTEM, &["version"]).await).await;
}

/// What virsh prints; `None` where it fails.
pub async fn virsh(uri: &str, args: &[&str]) -> Option<String> {
    let mut all = vec!["-q", "-c", uri];
    all.extend(args);
    let outcome = run("virsh", &all, 20).await;
    outcome.ok.then_some(outcome.stdout)
}

pub async fn domains(place: &Place) -> Vec<String> {
    let prefix = format!("{}-", place.instance);
    let listed = virsh(&place.libvirt_uri, &["list", "--all", "--name"]).await.expect("libvirt answers");
    listed.lines().map(str::trim).filter(|name| name.starts_with(&prefix)).map(str::to_owned).collect()
}

/// Names of network devices that start with the instance's prefix.
pub fn links(instance: &str) -> Vec<String> {
    let devices = std::fs::read_dir("/sys/class/net").expect("sysfs");
    let names = devices.flatten().map(|d| d.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(instance)).collect()
}

pub async fn nft_tables(instance: &str) -> Vec<String> {
    let listed = must("nft", &["list", "tables"], 10).await;
    listed.lines().filter(|line| line.contains(&format!(" {instance}"))).map(str::to_owned).collect()
}

/// Everything that the filter says, for finding an address in it.
pub async fn nft_rules(instance: &str) -> String {
    let mut all = String::new();
    for table in nft_tables(instance).await {
        let words: Vec<&str> = table.split_whitespace().collect();
        let [_, family, name] = words[..] else { panic!("an unknown line of nft: {table}") };
        all.push_str(&must("nft", &["list", "table", family, name], 10).await);
    }
    all
}

/// All files below `dir` whose path holds `part`.
pub fn files_with(dir: &Path, part: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.to_string_lossy().contains(part) {
            found.push(path.to_string_lossy().into_owned());
        }
        if path.is_dir() {
            found.extend(files_with(&path, part));
        }
    }
    found
}

/// Takes away what a test, or one that was killed before, has left.
pub async fn sweep(place: &Place) {
    lose_power(place).await;
    for domain in domains(place).await {
        virsh(&place.libvirt_uri, &["undefine", "--nvram", &domain]).await;
    }
    std::fs::remove_dir_all(&place.dir).ok();
}

/// What is gone after a reboot of the node: guests that run, filters and bridges. Definitions and files stay.
pub async fn lose_power(place: &Place) {
    for domain in domains(place).await {
        virsh(&place.libvirt_uri, &["destroy", &domain]).await;
    }
    for table in nft_tables(&place.instance).await {
        let words: Vec<&str> = table.split_whitespace().collect();
        if let [_, family, name] = words[..] {
            run("nft", &["delete", "table", family, name], 10).await;
        }
    }
    for link in links(&place.instance) {
        run("ip", &["link", "del", &link], 10).await;
    }
}

/// Stops the instance's guests where nobody can wait for futures any more. What fails is left.
pub fn stop_guests(place: &Place) {
    let virsh = |args: &[&str]| {
        let called = std::process::Command::new("virsh").args(["-q", "-c", &place.libvirt_uri]).args(args).output();
        called.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    };
    let prefix = format!("{}-", place.instance);
    for name in virsh(&["list", "--name"]).lines().map(str::trim).filter(|name| name.starts_with(&prefix)) {
        virsh(&["destroy", name]);
    }
}

/// Panics where anything of the instance is still on the host.
pub async fn assert_clean(place: &Place) {
    assert_eq!(domains(place).await, Vec::<String>::new(), "domains left");
    assert_eq!(links(&place.instance), Vec::<String>::new(), "network devices left");
    assert_eq!(nft_tables(&place.instance).await, Vec::<String>::new(), "filters left");
}
