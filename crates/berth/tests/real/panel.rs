//! A customer works at their server in the panel, in a browser: what they type and click is done in the guest.

use std::time::Duration;

use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::berth::Berth;
use crate::support::ssh::Guest;

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/web");
const WALK_LIMIT_S: u64 = 420;
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_does_in_the_panel_is_done_in_the_guest() {
    let berth = Berth::start(9).await;
    let id = berth.create_server().await;
    let accepted = berth.build(id, "panel", &[]).await;
    let root = accepted["settings"]["decryptedPassword"].as_str().expect("a password").to_owned();
    let server = berth.built(id).await;
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let before = Guest::with_password(address, &root).eventually(BOOT_ID).await;

    let login = berth.api.post("/users/1/byExtRelation/resetPassword", &json!({})).await;
    let told = berth.place.dir.join("told");
    let mut walk = Command::new(WEB);
    walk.arg("guest").kill_on_drop(true);
    for (name, value) in [
        ("URL", berth.place.control_url().as_str()),
        ("EMAIL", login["email"].as_str().expect("an address")),
        ("PASSWORD", login["password"].as_str().expect("a password")),
        ("SERVER", server["uuid"].as_str().expect("a UUID")),
        ("ROOT", &root),
        ("TOLD", told.to_str().expect("UTF-8")),
    ] {
        walk.env(format!("BERTH_GUEST_{name}"), value);
    }
    let ended = timeout(Duration::from_secs(WALK_LIMIT_S), walk.output()).await.expect("the walk ends in time");
    let output = ended.expect("the walk starts");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");

    let password = std::fs::read_to_string(&told).expect("the new password");
    let guest = Guest::with_password(address, &password);
    assert_ne!(guest.eventually(BOOT_ID).await, before, "it was not restarted");
    assert_eq!(guest.run("cat /root/typed").await.trim(), "42");
    assert!(!Guest::with_password(address, &root).attempt("true").await.ok, "the old password still works");
    berth.api.delete_server(id).await;
    berth.finish().await;
}
