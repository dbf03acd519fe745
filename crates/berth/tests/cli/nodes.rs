//! A node by the command line, on a simulated one: from the command that would join another to its removal.

use serde_json::{Value, json};

use super::Control;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_listed_shown_changed_tested_and_removed() {
    let control = Control::start_with_a_node().await;
    let listed = control.table(&["hypervisor", "list"]).await;
    assert!(listed.contains("simulated-1") && listed.contains("MAINTENANCE"), "{listed}");
    let shown = control.json(&["hypervisor", "show", "1"]).await;
    assert_eq!((&shown["id"], &shown["name"]), (&json!(1), &json!("simulated-1")));

    let args = [
        "hypervisor",
        "update",
        "1",
        "--name",
        "hv-a",
        "--max-servers",
        "7",
        "--cpu-overcommit-percent",
        "200",
        "--disk-type",
        "raw",
        "--disk-cache-type",
        "none",
    ];
    control.json(&args).await;
    let shown = control.json(&["hypervisor", "show", "1"]).await;
    for (name, wanted) in [
        ("name", json!("hv-a")),
        ("maxServers", json!(7)),
        ("cpuOvercommitPercent", json!(200)),
        ("diskType", json!("raw")),
        ("diskCacheType", json!("none")),
    ] {
        assert_eq!(shown[name], wanted, "{name}");
    }
    for (switch, wanted) in [("on", true), ("off", false)] {
        control.json(&["hypervisor", "maintenance", "1", switch]).await;
        assert_eq!(control.json(&["hypervisor", "show", "1"]).await["maintenance"], wanted);
    }
    let printed = control.table(&["hypervisor", "show", "1"]).await;
    assert!(printed.contains("hv-a") && printed.contains("Self-test passed"), "{printed}");

    let tested = control.json(&["hypervisor", "selftest", "1"]).await;
    assert_eq!((&tested["passed"], &tested["checks"][0]["name"]), (&json!(true), &json!("storage")), "{tested}");
    control.nodes[0].faults().storage_fails = Some("The disk is broken.".to_owned());
    let failed = control.berth(&["hypervisor", "selftest", "1"]).await;
    assert!(failed.code == 1 && failed.stdout.contains("The disk is broken."), "{}{}", failed.stdout, failed.stderr);
    let drift = control.table(&["hypervisor", "drift", "1"]).await;
    assert!(drift.starts_with("0 differences; compared: "), "{drift}");
    assert!(control.json(&["hypervisor", "metrics", "1", "--minutes", "5"]).await.is_array());

    let asked = control.berth(&["hypervisor", "remove", "1"]).await;
    assert!(asked.code == 1 && asked.stderr.contains("--yes"), "{}", asked.stderr);
    let removed = control.table(&["hypervisor", "remove", "1", "--yes"]).await;
    assert!(removed.starts_with("The hypervisor is removed."), "{removed}");
    assert_eq!(control.json(&["hypervisor", "list"]).await, Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_own_folder_is_listed_and_changed_and_another_node_gets_its_command() {
    let control = Control::start_with_a_node().await;
    let own = control.json(&["hypervisor", "storage", "list", "1"]).await;
    assert_eq!((&own[0]["id"], &own[0]["selftest"]["passed"]), (&json!(0), &json!(true)), "{own}");
    control.json(&["hypervisor", "storage", "set", "1", "0", "--alert-percent", "80", "--enabled", "false"]).await;
    let own = control.json(&["hypervisor", "storage", "list", "1"]).await;
    assert_eq!((&own[0]["alertPercent"], &own[0]["enabled"]), (&json!(80), &json!(false)));
    let remove = control.berth(&["hypervisor", "storage", "remove", "1", "0", "--yes"]).await;
    assert_eq!(remove.code, 1, "it stays: {}", remove.stdout);

    let token = ["hypervisor", "token", "--group", "1", "--name", "hv-b"];
    let url = ["--control-url", "https://berth.example.test:8443"];
    let printed = control.table(&[&token[..], &url].concat()).await;
    assert!(printed.contains("On the new node, as root:"), "{printed}");
    assert!(printed.contains("--control 'https://berth.example.test:8443'"), "{printed}");
    assert!(!printed.contains("only this machine knows"), "{printed}");
    let here = control.table(&token).await;
    assert!(here.contains("only this machine knows"), "{here}");
}
