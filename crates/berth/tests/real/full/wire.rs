//! Frames that a guest sends as it likes, and what of them comes out at a device of the node.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::place::Place;
use crate::support::process::must;
use crate::support::ssh::{Guest, Login};

#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared with the agent's tests")]
#[path = "../../../../agent/tests/packets/frames.rs"]
mod frames;

pub use frames::{Frame, false_ones, honest, second_address};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../agent/tests/packets");
const SENDER: &str = "/tmp/send";
/// Each frame goes out as often.
pub const COPIES: u64 = 20;
/// The script's mark of the end, in a frame of an experimental type.
const END: &str = "ffffffffffff02000000000088b5656e642d6f662d7468652d74657374";
const WATCH_LIMIT_S: &str = "120";
const LIMIT_S: u64 = 120;

/// Who sends: a guest with its first interface.
pub struct Station {
    pub id: i64,
    pub guest: Guest,
    pub tap: String,
    mac: [u8; 6],
    pub ipv4: Ipv4Addr,
    ipv6: Ipv6Addr,
    gateway_ipv6: Ipv6Addr,
}

impl Station {
    /// Of a built server, as the API shows it.
    pub fn of(place: &Place, server: &Value, key: &Path) -> Self {
        let interface = &server["network"]["interfaces"][0];
        let word = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {interface}")).to_owned();
        let tag = interface["tag"].as_u64().expect("a number");
        let octets: Vec<u8> =
            word(&interface["mac"]).split(':').map(|byte| u8::from_str_radix(byte, 16).expect("a MAC")).collect();
        let (ipv4, ipv6) = (word(&interface["ipv4"][0]["address"]), &interface["ipv6"][0]);
        Self {
            id: server["id"].as_i64().expect("an id"),
            guest: Guest::with_key(&ipv4, key),
            tap: format!("{}{tag:010}", place.instance),
            mac: octets.try_into().expect("six bytes"),
            ipv4: ipv4.parse().expect("an address"),
            ipv6: word(&ipv6["addresses"][0]).parse().expect("an address"),
            gateway_ipv6: word(&ipv6["gateway"]).parse().expect("an address"),
        }
    }

    /// The link-local address that the guest makes of its MAC (RFC 4291, appendix A).
    fn link_local(&self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.mac.map(u16::from);
        Ipv6Addr::new(0xfe80, 0, 0, 0, ((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f)
    }

    /// As nft writes it.
    pub fn mac_text(&self) -> String {
        self.mac.map(|byte| format!("{byte:02x}")).join(":")
    }

    /// A frame of the catalogue as this guest sends it, who would like to be `other`; as hex. `second` is the address that
    /// it has or has not besides.
    fn own(&self, frame: &Frame, other: &Self, second: Ipv4Addr) -> String {
        let v6 = |text: &str| text.parse::<Ipv6Addr>().expect("an address").octets();
        let changes: [(&[u8], &[u8]); 9] = [
            (&v6(frames::OWN_LINK_LOCAL), &self.link_local().octets()),
            (&v6(frames::OWN_IPV6), &self.ipv6.octets()),
            (&v6(frames::OTHER_IPV6), &other.ipv6.octets()),
            (&v6(frames::GATEWAY_IPV6), &self.gateway_ipv6.octets()),
            (&frames::OWN_MAC, &self.mac),
            (&frames::OTHER_MAC, &other.mac),
            (&frames::OWN_IPV4.octets(), &self.ipv4.octets()),
            (&frames::OTHER_IPV4.octets(), &other.ipv4.octets()),
            (&frames::SECOND_IPV4.octets(), &second.octets()),
        ];
        let mut bytes = changes.iter().fold(frame.bytes.clone(), |bytes, (from, to)| replaced(&bytes, from, to));
        if bytes[12..14] == frames::ETHER_IPV4.to_be_bytes() {
            frames::sum_up(&mut bytes[14..34]);
        }
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The shell's command that sends frames, each [`COPIES`] times.
    pub fn sending(&self, all: &[Frame], other: &Self, second: Ipv4Addr) -> String {
        let lines: Vec<String> = all.iter().map(|frame| self.own(frame, other, second)).collect();
        format!("printf '{}\\n' | {SENDER} eth0 {COPIES} 0", lines.join("\\n"))
    }

    /// Sends one frame twenty times a second for `seconds`, in the background.
    pub async fn keep_sending(&self, frame: &Frame, other: &Self, second: Ipv4Addr, seconds: u64) {
        let (hex, copies) = (self.own(frame, other, second), seconds * 20);
        self.guest.run(&format!("echo {hex} | {SENDER} eth0 {copies} 50000 >/dev/null 2>&1 &")).await;
    }

    /// Puts the sender into the guest.
    pub async fn equip(&self, dir: &Path) {
        let program = dir.join("send");
        let file = program.to_str().expect("UTF-8");
        must("cc", &["-static", "-Os", "-o", file, &format!("{SCRIPTS}/send.c")], LIMIT_S).await;
        let Login::Key(key) = &self.guest.login else { panic!("a key") };
        let command = format!(
            "exec ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
             -i '{}' root@{} 'cat >{SENDER} && chmod +x {SENDER}' <'{file}'",
            key.display(),
            self.ipv4
        );
        must("sh", &["-c", &command], LIMIT_S).await;
    }
}

/// `to` in place of each `from`, which is as long.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// Counts what passes a device, from [`Watch::at`] on.
pub struct Watch {
    device: String,
    counter: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Watch {
    pub async fn at(device: &str, frames: &[Frame]) -> Self {
        Self::of(device, frames, WATCH_LIMIT_S).await
    }

    async fn of(device: &str, frames: &[Frame], seconds: &str) -> Self {
        let labels: Vec<String> = frames.iter().map(|frame| format!("<{}>", frame.name)).collect();
        let (counter, said) = script(&["count", device, seconds], &labels).await;
        let mut watch = Self { device: device.to_owned(), counter, said };
        assert_eq!(watch.line().await, "ready");
        watch
    }

    async fn line(&mut self) -> String {
        self.said.next_line().await.expect("the script's output").expect("a line of it")
    }

    /// Ends behind everything that passed until now; how many of each frame that were.
    pub async fn end(mut self) -> BTreeMap<String, u64> {
        let (mut sender, _) = script(&["send", &self.device], &[END.to_owned()]).await;
        assert!(sender.wait().await.expect("the script").success());
        self.counts().await
    }

    async fn counts(&mut self) -> BTreeMap<String, u64> {
        let counts = self.line().await;
        self.counter.wait().await.expect("the script ends");
        serde_json::from_str(&counts).expect("the script's counts")
    }
}

/// How many of a frame pass a device within 0.2 s.
pub async fn passing(device: &str, frame: Frame) -> u64 {
    let counts = Watch::of(device, &[frame], "0.2").await.counts().await;
    counts.into_values().sum()
}

async fn script(args: &[&str], input: &[String]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new("python3")
        .arg(format!("{SCRIPTS}/send.py"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python3");
    let input = serde_json::to_vec(input).expect("JSON");
    child.stdin.take().expect("its input").write_all(&input).await.expect("its input");
    let said = BufReader::new(child.stdout.take().expect("its output")).lines();
    (child, said)
}
