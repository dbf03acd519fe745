//! A publisher of templates that can't be relied on.

use serde_json::{Value, json};

use crate::kill::address;
use crate::support::berth::{Berth, add_published_template, micro};
use crate::support::host;
use crate::support::publisher::Publisher;
use crate::support::ssh::Guest;

const TROUBLE_LIMIT_S: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_was_cut_off_is_fetched_again_and_a_wrong_one_never_becomes_a_guest() {
    let berth = Berth::start(62).await;
    let image = micro().await;
    let bytes = std::fs::read(&image.path).expect("the image");
    let publisher = Publisher::of(bytes.clone()).await;
    let wrong_digest = format!("sha256:{}", "0".repeat(64));
    let wrong = add_published_template(&berth.api, "wrong", &wrong_digest, &publisher.url).await;
    let right = add_published_template(&berth.api, "right", &image.digest, &publisher.url).await;

    let id = berth.create_server().await;
    berth.build_from(id, wrong, "checked", &[]).await;
    assert_eq!(berth.api.build_end(id).await["state"], "failed");
    let trouble = berth.trouble(id, TROUBLE_LIMIT_S).await;
    assert!(trouble.contains("sha256") || trouble.contains("checksum"), "{trouble}");
    assert_eq!(host::domains(&berth.place).await, Vec::<String>::new());
    assert_eq!(host::files_with(&berth.place.agent_dir().join("images"), "images/"), Vec::<String>::new());

    publisher.cut(1);
    let accepted = berth.build_from(id, right, "checked", &[]).await;
    let server = berth.built(id).await;
    let steps = berth.newest_job(id).await["primaryActions"].take();
    let told = |step: &Value| step["data"]["retry"] == json!(true);
    assert!(steps.as_array().expect("steps").iter().any(told), "the cut is in the job's log: {steps}");
    let password = accepted["settings"]["decryptedPassword"].as_str().expect("a password");
    assert_eq!(Guest::with_password(address(&server), password).eventually("hostname").await, "checked");
    berth.removed(id).await;
    berth.finish().await;
}
