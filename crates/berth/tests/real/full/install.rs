//! A bare Debian becomes a node by the command that is pasted there, and servers run on it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bare_debian::BareDebian;
use crate::support::berth::{Berth, DISK_GIB, MEMORY_MIB, RESOLVER};
use crate::support::host;
use crate::support::place::Place;
use crate::support::process::{must, run};
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

/// Packages are downloaded, among them QEMU.
const INSTALL_LIMIT_S: u64 = 900;
const LIMIT_S: u64 = 180;
const UNIT: &str = include_str!("../../../../../packaging/systemd/berth-agent.service");
/// A service manager as far as the script looks, which only writes down what it is told.
const SERVICE_MANAGER: &str = "mkdir -p /run/systemd/system /etc/systemd/system && \
    printf '#!/bin/sh\\necho \"$*\" >>/run/told\\n' >/usr/local/bin/systemctl && chmod 755 /usr/local/bin/systemctl";

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_debian_becomes_a_node_by_the_pasted_command() {
    let node = Place::slot(77);
    host::sweep(&node).await;
    let berth = Berth::start(79).await;
    make_bridge(&node).await;
    let before = network_of(&node).await;
    let debian = BareDebian::start(&berth.place.dir.join("debian"), "iproute2").await;
    write_config(&debian, &node);

    let group = json!({"name": "Elsewhere", "description": "Joined by the command", "default": false});
    let group = berth.api.post("/compute/hypervisors/groups", &group).await["id"].as_i64().expect("an id");
    let order = json!({"groupId": group, "name": "pasted", "controlUrl": berth.place.control_url()});
    let answer = berth.api.post("/compute/hypervisors/enrolmentTokens", &order).await;
    let command = answer["command"].as_str().expect("a command");
    let pasted = debian.run(command, INSTALL_LIMIT_S).await;
    assert!(pasted.ok, "{}{}", pasted.stdout, pasted.stderr);
    assert!(pasted.stdout.contains("Installing Debian packages:"), "{}", pasted.stdout);
    let id = joined(&berth).await;
    let again = debian.run(command, INSTALL_LIMIT_S).await;
    assert!(again.ok && again.stdout.contains("runs already"), "twice is once: {}{}", again.stdout, again.stderr);
    a_service_manager_gets_the_unit(&debian, command).await;
    assert_eq!(network_of(&node).await, before, "the node's bridge and routes are left as they were");

    a_server_runs_there(&berth, &node, group, id).await;
    debian.remove().await;
    must("ip", &["link", "del", &node.bridge], 10).await;
    host::sweep(&node).await;
    host::assert_clean(&node).await;
    berth.finish().await;
}

async fn make_bridge(node: &Place) {
    must("ip", &["link", "add", &node.bridge, "type", "bridge"], 10).await;
    must("ip", &["addr", "add", &node.ipv4_cidr(), "dev", &node.bridge], 10).await;
    must("ip", &["link", "set", &node.bridge, "up"], 10).await;
}

/// The bridge with its addresses, and the way out.
async fn network_of(node: &Place) -> String {
    let bridge = run("ip", &["-o", "addr", "show", "dev", &node.bridge, "scope", "global"], 10).await.stdout;
    let routes = run("ip", &["route", "show", "default"], 10).await.stdout;
    let own = run("ip", &["route", "show", "dev", &node.bridge], 10).await.stdout;
    // Without carrier until a guest is attached.
    format!("{bridge}{routes}{}", own.replace(" linkdown", ""))
}

/// As an owner would write it first: with a prefix of its own, for the host's network is another Berth's too.
fn write_config(debian: &BareDebian, node: &Place) {
    let file = debian.file("/var/lib/berth/agent/agent.toml");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("the node's folder");
    let config = format!(
        "instance = \"{}\"\nlisten = \"127.0.0.1:{}\"\naccelerator = \"qemu\"\n\n[[network]]\nbridge = \"{}\"\n",
        node.instance, node.agent_port, node.bridge,
    );
    std::fs::write(file, config).expect("the node's configuration");
}

/// Waits until the new node is connected and its self-test has passed; its id.
async fn joined(berth: &Berth) -> i64 {
    until("the node has joined and passed its self-test", LIMIT_S, async || {
        let nodes = berth.api.get("/compute/hypervisors").await;
        let node = nodes.as_array().expect("a list").iter().find(|node| node["name"] == "pasted")?.clone();
        let id = node["id"].as_i64().expect("an id");
        let jobs = berth.api.get(&format!("/queue?hypervisorId={id}")).await;
        let tested =
            jobs.as_array().expect("a list").iter().any(|job| job["failed"] == false && !job["finished"].is_null());
        (node["commissioned"] == 3 && tested).then_some(id)
    })
    .await
}

/// The same command where one runs: a program that is new is started anew, one that is not is left alone.
async fn a_service_manager_gets_the_unit(debian: &BareDebian, command: &str) {
    let must = async |command: &str| {
        let outcome = debian.run(command, INSTALL_LIMIT_S).await;
        assert!(outcome.ok, "{command}: {}{}", outcome.stdout, outcome.stderr);
        outcome.stdout
    };
    must(SERVICE_MANAGER).await;
    for (before, verb) in [("rm /usr/local/bin/berth", "restart"), ("true", "start")] {
        must(before).await;
        let said = must(command).await;
        assert!(said.contains("The agent runs as berth-agent.service."), "{said}");
        let unit = std::fs::read_to_string(debian.file("/etc/systemd/system/berth-agent.service"));
        assert_eq!(unit.expect("the unit"), UNIT);
        let told = must("cat /run/told && rm /run/told").await;
        assert_eq!(
            told.lines().collect::<Vec<_>>(),
            [
                "daemon-reload",
                "enable -q libvirtd.service berth-agent.service",
                "start libvirtd.service",
                &format!("{verb} berth-agent.service"),
            ]
        );
    }
    must("rmdir /run/systemd/system && rm /usr/local/bin/systemctl").await;
}

async fn a_server_runs_there(berth: &Berth, node: &Place, group: i64, hypervisor: i64) {
    let (first, last) = node.ipv4_range();
    let block = json!({
        "name": "Elsewhere", "family": 4, "gateway": node.ipv4_gateway(), "prefixLen": 24, "resolver1": RESOLVER,
        "first": first, "last": last, "hypervisorIds": [hypervisor],
    });
    berth.api.post("/connectivity/ipblocks", &block).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let order = json!({
        "packageId": berth.goods.package, "userId": berth.goods.user, "hypervisorId": group, "ipv4": 1,
        "memory": MEMORY_MIB, "storage": DISK_GIB,
    });
    let id = berth.api.post("/servers", &order).await["id"].as_i64().expect("an id");
    let build = json!({
        "operatingSystemId": berth.goods.template, "name": "elsewhere", "hostname": "elsewhere", "sshKeys": [key_id],
        "vnc": true, "ipv6": false, "email": false,
    });
    berth.api.post(&format!("/servers/{id}/build"), &build).await;
    let server: Value = berth.built(id).await;
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    assert_eq!(Guest::with_key(address, &key).eventually("hostname").await, "elsewhere");
    assert_eq!(server["hypervisorId"], hypervisor);
    berth.removed(id).await;
    let answer = berth.api.call(Method::GET, &format!("/servers/{id}"), None).await;
    assert_eq!(answer.status, 404, "{}", answer.body);
}
