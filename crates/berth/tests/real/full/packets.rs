//! Two guests on one bridge: what the one sends as somebody else never comes out, at the other's or at the node's,
//! before, during and after a change of its firewall, after somebody flushed its filters by hand and after a restart of
//! the node; and what it may send, does.

use std::net::Ipv4Addr;

use reqwest::Method;
use serde_json::{Value, json};

use super::wire::{COPIES, Station, Watch, false_ones, honest, passing, second_address};
use crate::reboot::reboot;
use crate::support::berth::Berth;
use crate::support::host;
use crate::support::process::must;
use crate::support::ssh::key_pair;
use crate::support::wait::until;

const LIMIT_S: u64 = 180;
/// Within which a filter follows.
const FILTER_LIMIT_S: u64 = 1;
/// The agent looks by itself every 30 s.
const REPAIR_LIMIT_S: u64 = 120;
const CHANGES: usize = 6;

struct Scene {
    berth: Berth,
    /// Sends.
    one: Station,
    /// Its neighbour, another customer's.
    two: Station,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_false_passes_between_two_guests_whatever_is_changed_and_what_is_theirs_does() {
    let mut scene = scene().await;
    let spare: Ipv4Addr = scene.berth.place.ipv4_spare().parse().expect("an address");
    scene.assert_honest_only("as built", spare).await;
    scene.nothing_false_passes_while_rules_change(spare).await;
    scene.assert_honest_only("after the changes", spare).await;
    scene.an_address_passes_as_long_as_it_is_assigned().await;
    scene.a_network_passes_as_long_as_it_is_listed(spare).await;
    scene.isolated_neighbours_dont_hear_each_other(spare).await;
    scene.flushed_filters_come_back(spare).await;
    scene.answers_come_in_and_strangers_dont().await;

    reboot(&mut scene.berth, 1).await;
    scene.one.guest.eventually("true").await;
    scene.two.guest.eventually("true").await;
    scene.one.equip(&scene.berth.place.dir).await;
    scene.assert_honest_only("after a restart of the node", spare).await;
    scene.berth.finish().await;
}

async fn scene() -> Scene {
    let berth = Berth::start(80).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let ids = [berth.create_server().await, berth.create_server().await];
    for (id, name) in ids.iter().zip(["one", "two"]) {
        berth.build(*id, name, &[key_id]).await;
    }
    let other = json!({"name": "Neighbour", "email": "neighbour@example.test", "extRelationId": 2});
    let other = berth.api.post("/users", &other).await["id"].as_i64().expect("an id");
    let one = Station::of(&berth.place, &berth.built(ids[0]).await, &key);
    let two = Station::of(&berth.place, &berth.built(ids[1]).await, &key);
    let scene = Scene { berth, one, two };
    scene.change(Method::PUT, &format!("/servers/{}/owner/{other}", scene.two.id), json!({})).await;
    scene.one.guest.eventually("true").await;
    scene.two.guest.eventually("true").await;
    scene.one.equip(&scene.berth.place.dir).await;
    scene
}

impl Scene {
    async fn change(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.berth.api.call(method, path, Some(&body)).await;
        assert!((200..300).contains(&answer.status), "{path} {body}: {} {}", answer.status, answer.body);
        answer.body
    }

    fn of_one(&self, path: &str) -> String {
        format!("/servers/{}/{path}", self.one.id)
    }

    /// Everything is sent, and what is honest comes out at both ends; what is not, and what is of `second`, does not.
    async fn assert_honest_only(&self, when: &str, second: Ipv4Addr) {
        let frames = || honest().into_iter().chain(false_ones()).chain([second_address()]).collect::<Vec<_>>();
        let at_two = Watch::at(&self.two.tap, &frames()).await;
        let at_node = Watch::at(&self.berth.place.bridge, &frames()).await;
        self.one.guest.run(&self.one.sending(&frames(), &self.two, second)).await;
        for (place, counts) in [("neighbour", at_two.end().await), ("node", at_node.end().await)] {
            let wanted = |label: &str| if label.starts_with("<good") { COPIES } else { 0 };
            let wrong: Vec<_> = counts.iter().filter(|(label, count)| **count != wanted(label)).collect();
            assert!(wrong.is_empty(), "{when}, at the {place}: {wrong:?}");
        }
    }

    async fn nothing_false_passes_while_rules_change(&self, second: Ipv4Addr) {
        let at_two = Watch::at(&self.two.tap, &false_ones()).await;
        let at_node = Watch::at(&self.berth.place.bridge, &false_ones()).await;
        let sending = self.one.sending(&false_ones(), &self.two, second);
        let flag = "/tmp/changing";
        self.one.guest.run(&format!("touch {flag}; (while [ -e {flag} ]; do {sending}; done) >/dev/null 2>&1 &")).await;
        for port in 0..CHANGES {
            let on = if port % 2 == 0 { "enable" } else { "disable" };
            self.change(Method::POST, &self.of_one(&format!("firewall/primary/{on}?sync=true")), json!({})).await;
            let rule = json!({
                "direction": "in", "action": "deny", "protocol": "tcp", "destinationPort": (7000 + port).to_string(),
            });
            self.change(Method::POST, &self.of_one("firewall/primary/rules?sync=true"), rule).await;
        }
        self.one.guest.run(&format!("rm {flag}")).await;
        for counts in [at_two.end().await, at_node.end().await] {
            assert!(counts.values().all(|count| *count == 0), "while rules changed: {counts:?}");
        }
    }

    async fn an_address_passes_as_long_as_it_is_assigned(&self) {
        let body = json!({"interface": "primary", "quantity": 1});
        let added = self.change(Method::POST, &self.of_one("ipv4Qty"), body).await;
        let address = added["data"][0].as_str().expect("an address").to_owned();
        let body = json!({"interface": "primary", "ip": [address]});
        let address = address.parse().expect("an address");
        self.passes_until("the address is removed", address, async || {
            self.change(Method::DELETE, &self.of_one("ipv4"), body.clone()).await;
        })
        .await;
    }

    async fn a_network_passes_as_long_as_it_is_listed(&self, spare: Ipv4Addr) {
        let body = json!({"interface": "primary", "ip": spare.to_string(), "cidr": 32});
        self.change(Method::POST, &self.of_one("networkWhitelist"), body.clone()).await;
        self.passes_until("the network is no longer listed", spare, async || {
            self.change(Method::DELETE, &self.of_one("networkWhitelist"), body.clone()).await;
        })
        .await;
    }

    /// Frames of `address` come out at the neighbour's until a second after `end`.
    async fn passes_until(&self, what: &str, address: Ipv4Addr, end: impl AsyncFn()) {
        let at_two = async || passing(&self.two.tap, second_address()).await;
        self.one.keep_sending(&second_address(), &self.two, address, LIMIT_S).await;
        until("it passes", FILTER_LIMIT_S, async || (at_two().await > 0).then_some(())).await;
        end().await;
        until(&format!("nothing passes when {what}"), FILTER_LIMIT_S, async || (at_two().await == 0).then_some(()))
            .await;
        self.one.guest.run("killall send").await;
    }

    async fn isolated_neighbours_dont_hear_each_other(&self, second: Ipv4Addr) {
        let isolate = async |isolated: bool| {
            for server in [&self.one, &self.two] {
                let path = format!("/servers/{}/interfaces/primary", server.id);
                self.change(Method::PUT, &path, json!({"portIsolated": isolated})).await;
            }
        };
        isolate(true).await;
        let to_node = format!("ping -c 1 -W 2 {}", self.berth.place.ipv4_gateway());
        let to_two = format!("ping -c 1 -W 2 {}", self.two.ipv4);
        let apart = async || (!self.one.guest.attempt(&to_two).await.ok).then_some(());
        until("the neighbour is not heard", LIMIT_S, apart).await;
        let at_two = Watch::at(&self.two.tap, &honest()).await;
        let at_node = Watch::at(&self.berth.place.bridge, &honest()).await;
        self.one.guest.run(&self.one.sending(&honest(), &self.two, second)).await;
        assert!(at_two.end().await.values().all(|count| *count == 0), "the neighbour hears nothing");
        assert!(at_node.end().await.values().all(|count| *count == COPIES), "the node hears everything");
        self.one.guest.run(&to_node).await;
        isolate(false).await;
        let together = async || self.one.guest.attempt(&to_two).await.ok.then_some(());
        until("the neighbour is heard again", LIMIT_S, together).await;
    }

    /// Nobody tells the agent, and nobody asks anything of it.
    async fn flushed_filters_come_back(&self, second: Ipv4Addr) {
        let instance = &self.berth.place.instance;
        let macs = [self.one.mac_text(), self.two.mac_text()];
        for by_hand in ["flush", "delete"] {
            must("nft", &[by_hand, "table", "bridge", &format!("{instance}_filter")], LIMIT_S).await;
            until("the filters are back", REPAIR_LIMIT_S, async || {
                let rules = host::nft_rules(instance).await;
                macs.iter().all(|mac| rules.contains(mac)).then_some(())
            })
            .await;
            self.assert_honest_only(&format!("after somebody's {by_hand} of the table"), second).await;
        }
    }

    /// A server that lets in nobody but the node gets answers, and gives none.
    async fn answers_come_in_and_strangers_dont(&self) {
        let firewall = "firewall/primary";
        let gateway = self.berth.place.ipv4_gateway();
        let rules = [
            json!({"direction": "in", "action": "allow", "protocol": "tcp", "sourceAddress": gateway, "priority": 1}),
            json!({"direction": "in", "action": "deny", "protocol": "any", "priority": 2}),
        ];
        for rule in rules {
            self.change(Method::POST, &self.of_one(&format!("{firewall}/rules?sync=true")), rule).await;
        }
        let banner = |to: &Station| format!("echo | nc -w 5 {} 22 | grep -q ^SSH", to.ipv4);
        assert!(self.two.guest.attempt(&banner(&self.one)).await.ok, "nothing is judged as long as it is off");
        let state = self.change(Method::POST, &self.of_one(&format!("{firewall}/enable?sync=true")), json!({})).await;
        assert_eq!(state["data"]["stateful"], true, "{state}");
        self.one.guest.run(&banner(&self.two)).await;
        assert!(!self.two.guest.attempt(&banner(&self.one)).await.ok, "a stranger comes in");
    }
}
