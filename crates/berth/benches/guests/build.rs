//! From the accepted build to a login, and the same guest by hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::report::{self, median};
use crate::support::berth::{Berth, DISK_GIB};
use crate::support::host::virsh;
use crate::support::process::must;
use crate::support::ssh::{Guest, key_pair};

const GOAL_MS: f64 = 150.0;
const LOGIN_LIMIT_S: u64 = 120;
const POLL_MS: u64 = 10;
const ANSWER_MS: u64 = 200;

pub async fn measure(berth: &mut Berth, pairs: usize) {
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let (mut whole, mut own, mut by_hand, mut started) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs {
        let id = berth.create_server().await;
        let server = berth.api.get(&format!("/servers/{id}")).await;
        let guest = Guest::with_key(address(&server), &key);
        know_neighbour(berth, &server).await;
        berth.build(id, "bench", &[key_id]).await;
        let accepted = Instant::now();
        let accepted_at = uptime();
        login(&guest).await;
        whole.push(accepted.elapsed().as_secs_f64() * 1e3);
        let domain = format!("{}-{}", berth.place.instance, server["uuid"].as_str().unwrap());
        own.push((process_start(&domain) - accepted_at) * 1e3);
        berth.built(id).await;

        let hand = Hand::of(berth, &domain).await;
        berth.api.power(id, "poweroff").await;
        // Nothing of Berth's runs while the other is timed, and nothing reports the guest that it did not start.
        berth.agent.stop().await;
        hand.forget().await;
        let began = Instant::now();
        let began_at = uptime();
        hand.start().await;
        login(&guest).await;
        by_hand.push(began.elapsed().as_secs_f64() * 1e3);
        started.push((process_start(&domain) - began_at) * 1e3);
        must("virsh", &["-q", "destroy", &domain], 30).await;
        berth.agent.restart();
        berth.removed(id).await;
        eprintln!("pair {} of {pairs}: {:.0} ms, by hand {:.0} ms", pair + 1, whole[pair], by_hand[pair]);
    }
    report::line("build accepted → SSH login", &whole, "ms", None);
    report::line("the same image, seed and XML by hand → SSH login", &by_hand, "ms", None);
    let more: Vec<f64> = whole.iter().zip(&by_hand).map(|(berth, hand)| berth - hand).collect();
    report::line("difference within a pair", &more, "ms", None);
    let medians = median(&whole) - median(&by_hand);
    report::line("difference of the medians", &[medians], "ms", Some(GOAL_MS));
    report::line("Berth's own: build accepted → the domain's process starts", &own, "ms", None);
    report::line("by hand: first command → the domain's process starts", &started, "ms", None);
}

fn address(server: &Value) -> &str {
    server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().unwrap()
}

/// So that the kernel's retries of address resolution, a second apart, are in neither figure.
async fn know_neighbour(berth: &Berth, server: &Value) {
    let mac = server["network"]["interfaces"][0]["mac"].as_str().unwrap();
    let entry = ["neigh", "replace", address(server), "lladdr", mac, "dev", &berth.place.bridge, "nud", "permanent"];
    must("ip", &entry, 5).await;
}

/// Polls the guest's port until its SSH server speaks, then logs in once.
async fn login(guest: &Guest) {
    let end = Instant::now() + Duration::from_secs(LOGIN_LIMIT_S);
    while !speaks(&guest.address).await {
        assert!(Instant::now() < end, "no SSH server within {LOGIN_LIMIT_S} s");
        sleep(Duration::from_millis(POLL_MS)).await;
    }
    guest.eventually("true").await;
}

async fn speaks(address: &str) -> bool {
    let mut banner = [0; 4];
    let read = async { TcpStream::connect((address, 22)).await?.read_exact(&mut banner).await };
    matches!(timeout(Duration::from_millis(ANSWER_MS), read).await, Ok(Ok(_))) && &banner == b"SSH-"
}

/// Seconds since the machine's start, as the kernel counts processes' starts.
fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// When the domain's QEMU was started, in seconds since the machine's start, to a hundredth: field 22 of proc(5)'s stat.
fn process_start(domain: &str) -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let pid = std::fs::read_to_string(format!("/run/libvirt/qemu/{domain}.pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: f64 = after_name.split_whitespace().nth(19).unwrap().parse().unwrap();
    ticks / TICKS_A_SECOND
}

/// What somebody needs who makes the same guest by hand.
struct Hand {
    domain: String,
    xml: PathBuf,
    disk: PathBuf,
    template: PathBuf,
    owner: (u32, u32),
}

impl Hand {
    async fn of(berth: &Berth, domain: &str) -> Self {
        use std::os::unix::fs::MetadataExt;
        let text = virsh(&berth.place.libvirt_uri, &["dumpxml", "--inactive", domain]).await.unwrap();
        let xml = berth.place.dir.join("by-hand.xml");
        std::fs::write(&xml, &text).unwrap();
        let disk = PathBuf::from(between(&text, "<source file='", "'"));
        let template = only_file(&berth.place.agent_dir().join("images"));
        let meta = std::fs::metadata(&disk).unwrap();
        Self { domain: domain.to_owned(), xml, disk, template, owner: (meta.uid(), meta.gid()) }
    }

    /// The definition and the disk go; the seed stays.
    async fn forget(&self) {
        must("virsh", &["-q", "undefine", &self.domain], 30).await;
        std::fs::remove_file(&self.disk).unwrap();
    }

    async fn start(&self) {
        let (disk, template) = (self.disk.to_str().unwrap(), self.template.to_str().unwrap());
        let size = format!("{DISK_GIB}G");
        must("qemu-img", &["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", template, disk, &size], 30).await;
        std::os::unix::fs::chown(&self.disk, Some(self.owner.0), Some(self.owner.1)).unwrap();
        must("virsh", &["-q", "define", self.xml.to_str().unwrap()], 30).await;
        must("virsh", &["-q", "start", &self.domain], 30).await;
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

fn only_file(dir: &Path) -> PathBuf {
    std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path()).next().unwrap()
}
