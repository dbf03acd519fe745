//! What a server is said to have received and sent is what passed its interface, whatever was started anew meanwhile:
//! the guest, the agent after a kill, the node.

use std::net::UdpSocket;

use crate::reboot::reboot;
use crate::support::berth::Berth;
use crate::support::process::must;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

/// Of IPv4, with its header: counted is what a frame carries, not the frame's own 14 bytes.
const PACKET_BYTES: u64 = 1_400;
/// Of IPv4 with ICMP, and of IPv4 with UDP.
const HEADER_BYTES: u64 = 28;
/// So many that what logins and boots need is far below one percent.
const PINGS: u64 = 8_000;
const DATAGRAMS: u64 = 8_000;
/// Nobody listens there, and of the errors about it Linux sends one each second.
const DISCARD: u16 = 9;
const SEND_LIMIT_S: u64 = 240;
/// The agent tells once a minute.
const COUNTED_LIMIT_S: u64 = 180;
const BOOT_LIMIT_S: u64 = 240;
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

struct Scene {
    berth: Berth,
    id: i64,
    guest: Guest,
    sent: Sent,
}

/// Bytes until now.
#[derive(Debug, Default)]
struct Sent {
    towards: u64,
    from: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_is_what_was_sent_over_restarts_of_guest_agent_and_node() {
    let mut scene = scene().await;
    scene.send().await;
    scene.restart_guest().await;
    scene.send().await;

    scene.berth.agent.crash().await;
    scene.send().await;
    scene.berth.agent.restart();
    scene.assert_counted("after the guest's restart and the agent's kill").await;

    reboot(&mut scene.berth, 1).await;
    scene.guest.eventually("true").await;
    scene.send().await;
    scene.assert_counted("after the node's restart").await;
    scene.berth.finish().await;
}

async fn scene() -> Scene {
    let berth = Berth::start(81).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "counted.example.test", &[key_id]).await;
    let server = berth.built(id).await;
    let address = &server["network"]["interfaces"][0]["ipv4"][0]["address"];
    let guest = Guest::with_key(address.as_str().expect("an address"), &key);
    guest.eventually("true").await;
    Scene { berth, id, guest, sent: Sent::default() }
}

impl Scene {
    /// The guest answers the first half of what it gets, so that the directions differ.
    async fn send(&mut self) {
        let (count, payload) = (PINGS.to_string(), PACKET_BYTES - HEADER_BYTES);
        let (size, address) = (payload.to_string(), self.guest.address.as_str());
        let said = must("ping", &["-f", "-q", "-c", &count, "-s", &size, address], SEND_LIMIT_S).await;
        let line = said.lines().find(|line| line.contains("packets transmitted")).expect("ping's counts");
        let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [asked, answered, ..] = numbers[..] else { panic!("no counts: {line}") };
        assert!(answered > PINGS / 10 * 9, "the guest answers: {line}");

        // The node knows the guest's MAC address from before, so that each datagram gets to the bridge.
        let socket = UdpSocket::bind((self.berth.place.ipv4_gateway(), 0)).expect("a socket");
        let datagram = vec![0; usize::try_from(payload).expect("a small one")];
        for _ in 0..DATAGRAMS {
            socket.send_to(&datagram, (address, DISCARD)).expect("a datagram");
        }
        self.sent.towards += (asked + DATAGRAMS) * PACKET_BYTES;
        self.sent.from += answered * PACKET_BYTES;
    }

    async fn restart_guest(&self) {
        let before = self.guest.run(BOOT_ID).await;
        assert_eq!(self.berth.api.power(self.id, "restart").await["failed"], false);
        until("the guest has booted anew", BOOT_LIMIT_S, async || {
            let now = self.guest.attempt(BOOT_ID).await;
            (now.ok && now.stdout.trim() != before).then_some(())
        })
        .await;
    }

    /// Waits until everything is counted within 1 %; more is never.
    async fn assert_counted(&self, when: &str) {
        let Sent { towards, from } = self.sent;
        until(&format!("{when}: all of {towards} and {from} bytes are counted"), COUNTED_LIMIT_S, async || {
            let used = self.berth.api.get(&format!("/servers/{}/traffic", self.id)).await;
            let months = used["monthly"].as_array().expect("months");
            let sum = |field: &str| months.iter().map(|month| month[field].as_u64().expect("bytes")).sum::<u64>();
            let counted = [(sum("rx"), towards), (sum("tx"), from)];
            assert!(counted.iter().all(|(of, sent)| of * 100 <= sent * 101), "{when}: {counted:?}");
            counted.iter().all(|(of, sent)| of * 100 >= sent * 99).then_some(())
        })
        .await;
    }
}
