//! A server without keys: its password, its reset, and that it can't speak with addresses that are not its own.

use serde_json::json;

use crate::support::berth::Berth;
use crate::support::process::run;
use crate::support::ssh::Guest;

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_server_without_keys_takes_its_password_and_never_speaks_with_foreign_addresses() {
    let berth = Berth::start(2).await;
    let id = berth.create_server().await;
    let accepted = berth.build(id, "plain", &[]).await;
    let password = accepted["settings"]["decryptedPassword"].as_str().expect("a password").to_owned();
    let server = berth.built(id).await;
    assert_eq!(server["settings"]["decryptedPassword"], password.as_str());
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let guest = Guest::with_password(address, &password);
    assert_eq!(guest.eventually("hostname").await, "plain");
    let guest = reset_password(&berth, id, &guest).await;
    foreign_addresses_are_dropped(&berth, &guest).await;
    berth.api.delete_server(id).await;
    berth.finish().await;
}

pub async fn reset_password(berth: &Berth, id: i64, old: &Guest) -> Guest {
    let answer =
        berth.api.post(&format!("/servers/{id}/resetPassword"), &json!({"user": "root", "sendMail": false})).await;
    let expected = answer["expectedPassword"].as_str().expect("a password").to_owned();
    let job = berth.api.job_end(answer["queueId"].as_i64().expect("a job")).await;
    assert_eq!(job["failed"], false, "{job}");
    let fresh = Guest::with_password(&old.address, &expected);
    fresh.run("true").await;
    assert!(!old.attempt("true").await.ok, "the old password still works");
    fresh
}

/// Real packets: the guest's counter says that they left it, and the host must not see them.
async fn foreign_addresses_are_dropped(berth: &Berth, guest: &Guest) {
    let (gateway, gateway6) = (berth.place.ipv4_gateway(), berth.place.ipv6_gateway());
    assert!(guest.attempt(&format!("ping -c1 -W2 {gateway}")).await.ok, "its own address gets through");
    let spare = berth.place.ipv4_spare();
    let foreign = [
        (
            "IPv4",
            format!(
                "ip addr add {spare}/24 dev eth0; ping -c2 -W1 -I {spare} {gateway}; r=$?; ip addr del {spare}/24 dev eth0; exit $r"
            ),
        ),
        (
            "IPv6",
            format!(
                "ip -6 addr add fd00:bad::2/64 dev eth0 nodad; ping -6 -c2 -W1 -I fd00:bad::2 {gateway6}; r=$?; ip -6 addr del fd00:bad::2/64 dev eth0; exit $r"
            ),
        ),
        // Its network is back before the answer, which needs it.
        (
            "MAC",
            format!(
                "m=$(cat /sys/class/net/eth0/address); ip link set eth0 address 52:54:00:66:66:66; ping -c2 -W1 {gateway}; r=$?; ip link set eth0 address $m; exit $r"
            ),
        ),
    ];
    for (what, script) in foreign {
        let seen = watch(&berth.place.bridge, async || guest.attempt(&script).await).await;
        assert!(!seen.0.ok, "{what}: the guest got an answer with a foreign address");
        for trace in [spare.as_str(), "fd00:bad", "52:54:00:66:66:66"] {
            assert!(!seen.1.contains(trace), "{what}: {trace} was learnt by the host: {}", seen.1);
        }
    }
    guest.eventually("true").await;
}

/// What the host has learnt about its neighbours and the bridge's stations meanwhile.
async fn watch<T>(bridge: &str, action: impl AsyncFnOnce() -> T) -> (T, String) {
    let done = action().await;
    let neighbours = run("ip", &["neigh", "show", "dev", bridge], 10).await.stdout;
    let stations = run("bridge", &["fdb", "show", "br", bridge], 10).await.stdout;
    (done, format!("{neighbours}{stations}"))
}
