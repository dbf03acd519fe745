//! The life of one server with a key, from its order to its removal, as its customer sees it.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::confined::t16_the_guest_is_confined;
use crate::support::berth::{Berth, CPU_CORES, RESOLVER};
use crate::support::host;
use crate::support::os::{MICRO, Os};
use crate::support::rfb;
use crate::support::serial::Serial;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;
use crate::support::websocket::Socket;

const HOSTNAME: &str = "web1.example.test";
/// Written by the guest when it is told to shut down; a power cut writes nothing.
pub const MARKER: &str = "/root/went-down";
const OFF_LIMIT_S: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_lives_from_its_order_to_its_removal_without_a_trace() {
    live(Berth::start_self_tested(1).await, &MICRO).await;
}

/// The whole life, of any operating system that was ordered.
pub async fn live(berth: Berth, os: &Os) {
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server_for(os).await;
    let template = berth.template_of(os).await;
    let accepted = berth.build_from(id, template, HOSTNAME, &[key_id]).await;
    let password = accepted["settings"]["decryptedPassword"].as_str().expect("a password").to_owned();
    let server = berth.built(id).await;

    let guest = login_over_both_families(&server, &key).await;
    what_was_ordered_is_there(&server, &guest, os).await;
    t16_the_guest_is_confined(&berth, server["uuid"].as_str().expect("a UUID"));
    password_works_on_the_console_only(&berth, id, &guest, &password).await;
    console_speaks_rfb(&berth, id).await;
    t08_the_agents_port_refuses_strangers(&berth).await;
    power_actions_do_what_they_say(&berth, id, &guest, os).await;
    removal_leaves_nothing(&berth, id, &server).await;
    berth.finish().await;
}

fn ipv4(server: &Value) -> &str {
    server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an IPv4 address")
}

fn ipv6(server: &Value) -> &str {
    server["network"]["interfaces"][0]["ipv6"][0]["addresses"][0].as_str().expect("an IPv6 address")
}

async fn login_over_both_families(server: &Value, key: &Path) -> Guest {
    let guest = Guest::with_key(ipv4(server), key);
    guest.eventually("true").await;
    assert_eq!(Guest::with_key(ipv6(server), key).eventually("echo in").await, "in");
    guest
}

async fn what_was_ordered_is_there(server: &Value, guest: &Guest, os: &Os) {
    assert_eq!(guest.run("hostname").await, "web1");
    assert!(guest.run("ip -4 -o addr show dev eth0").await.contains(&format!("{}/24", ipv4(server))));
    assert!(guest.run("ip -6 -o addr show dev eth0").await.contains(&format!("{}/64", ipv6(server))));
    assert!(guest.run(os.show_resolvers).await.contains(RESOLVER));
    assert_eq!(guest.run("nproc").await, CPU_CORES.to_string());
    let memory_kib: u64 = guest.run("awk '/MemTotal/{print $2}' /proc/meminfo").await.parse().expect("a number");
    let ordered_kib = os.memory_mib * 1024;
    assert!(memory_kib <= ordered_kib && memory_kib > ordered_kib * 3 / 4, "{memory_kib} KiB of {ordered_kib}");
    let sectors: u64 = guest.run("cat /sys/block/vda/size").await.parse().expect("a number");
    assert_eq!(sectors * 512, os.disk_gib << 30);
    let root_kib: u64 = guest.run("df -k / | awk 'NR==2{print $2}'").await.parse().expect("a number");
    assert!(root_kib > (os.disk_gib << 20) * 8 / 10, "the root file system has grown: {root_kib} KiB");
}

async fn password_works_on_the_console_only(berth: &Berth, id: i64, guest: &Guest, password: &str) {
    let by_password = Guest::with_password(&guest.address, password).attempt("true").await;
    assert!(!by_password.ok, "a server built with keys took a password over SSH");
    let mut serial = Serial::open(&berth.api, id).await;
    serial.login(password).await;
    assert_eq!(serial.run("id -un").await, "root");
    serial.send("exit\n").await;
}

async fn console_speaks_rfb(berth: &Berth, id: i64) {
    // Switched off and on again it opens at once: the door waits until the node has heard of it.
    berth.api.post(&format!("/servers/{id}/vnc"), &json!({"action": "disable"})).await;
    let vnc = berth.api.post(&format!("/servers/{id}/vnc"), &json!({"action": "enable"})).await["vnc"].take();
    let (url, password) = (vnc["wss"]["url"].as_str().expect("a URL"), vnc["password"].as_str().expect("a password"));
    let mut socket = Socket::open(&berth.api.base, url).await.expect("the console opens");
    let screen = rfb::open(&mut socket, password).await.expect("the given password is right");
    assert!(screen.width >= 640 && screen.height >= 400, "{screen:?}");
    assert!(screen.name.contains(&berth.place.instance), "the screen of this guest: {screen:?}");
    drop(socket);
    assert!(Socket::open(&berth.api.base, url).await.is_err(), "a token opened a second socket");
    let vnc = berth.api.post(&format!("/servers/{id}/vnc"), &json!({"action": "enable"})).await["vnc"].take();
    let mut socket = Socket::open(&berth.api.base, vnc["wss"]["url"].as_str().expect("a URL")).await.expect("opens");
    assert!(rfb::open(&mut socket, "notright").await.is_err(), "a wrong password opened the screen");
}

/// Who has no certificate of the cluster gets nothing, not even an answer.
async fn t08_the_agents_port_refuses_strangers(berth: &Berth) {
    let stranger = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().expect("a client");
    let port = berth.place.agent_port;
    let refused = stranger.get(format!("https://127.0.0.1:{port}/")).send().await.expect_err("a stranger was served");
    assert!(!refused.is_connect(), "somebody listens there, and closes: {refused:?}");
    let in_clear = stranger.get(format!("http://127.0.0.1:{port}/")).send().await;
    assert!(in_clear.is_err(), "{in_clear:?}");
}

async fn power_actions_do_what_they_say(berth: &Berth, id: i64, guest: &Guest, os: &Os) {
    guest.run(os.mark_shutdown).await;
    let told = berth.api.power(id, "shutdown").await;
    assert_eq!(told["failed"], false, "{told}");
    until("the guest is off", OFF_LIMIT_S, async || (!berth.api.running(id).await).then_some(())).await;

    assert_eq!(berth.api.power(id, "boot").await["failed"], false);
    guest.eventually("true").await;
    assert!(guest.attempt(&format!("rm {MARKER}")).await.ok, "the guest was not told to shut down");
    let boot_id = guest.run("cat /proc/sys/kernel/random/boot_id").await;

    assert_eq!(berth.api.power(id, "restart").await["failed"], false);
    let restarted =
        async || Some(guest.eventually("cat /proc/sys/kernel/random/boot_id").await).filter(|b| *b != boot_id);
    until("the guest has restarted", OFF_LIMIT_S, restarted).await;

    guest.run(&format!("rm -f {MARKER}; sync")).await;
    assert_eq!(berth.api.power(id, "poweroff").await["failed"], false);
    until("the guest is off", OFF_LIMIT_S, async || (!berth.api.running(id).await).then_some(())).await;
    assert_eq!(berth.api.power(id, "boot").await["failed"], false);
    guest.eventually("true").await;
    assert!(!guest.attempt(&format!("test -e {MARKER}")).await.ok, "a power cut went through the guest");
}

async fn removal_leaves_nothing(berth: &Berth, id: i64, server: &Value) {
    let uuid = server["uuid"].as_str().expect("a UUID");
    let mac = server["network"]["interfaces"][0]["mac"].as_str().expect("a MAC").to_ascii_lowercase();
    let domain = format!("{}-{uuid}", berth.place.instance);
    assert_eq!(host::domains(&berth.place).await, [domain]);
    assert!(host::nft_rules(&berth.place.instance).await.contains(&mac), "the filter knows the guest");
    let taps = || host::links(&berth.place.instance).into_iter().filter(|l| *l != berth.place.bridge);
    assert_eq!(taps().count(), 1);

    berth.api.delete_server(id).await;
    let gone = async || {
        let answer = berth.api.call(Method::GET, &format!("/servers/{id}"), None).await;
        (answer.status == 404 && host::domains(&berth.place).await.is_empty()).then_some(answer)
    };
    assert_eq!(until("the server is gone", OFF_LIMIT_S, gone).await.body["msg"], "server not found");
    let rules_left = async || (!host::nft_rules(&berth.place.instance).await.contains(&mac)).then_some(());
    until("its filter is gone", OFF_LIMIT_S, rules_left).await;
    assert_eq!(taps().collect::<Vec<_>>(), Vec::<String>::new());
    let left = async || volumes_and_seeds(berth, uuid).is_empty().then_some(());
    until("its files are gone", OFF_LIMIT_S, left).await;
}

/// Disks, seed, sockets and firmware variables; the ledger's tombstone and logs stay.
pub fn volumes_and_seeds(berth: &Berth, uuid: &str) -> Vec<String> {
    let dir = berth.place.agent_dir();
    let mut files = Vec::new();
    for folder in ["seeds", "nvram", "run"] {
        files.extend(host::files_with(&dir.join(folder), uuid));
    }
    files.extend(host::files_with(&dir.join("volumes"), "volumes/"));
    files
}
