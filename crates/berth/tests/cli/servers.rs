//! A server's life by the command line, on a simulated node: every answer is the one of a node that does its work.

use serde_json::Value;

use super::Control;

/// What a server is made of, as the simulated shop has it.
const PACKAGE: &str = "1";
const GROUP: &str = "1";
pub(super) const TEMPLATE: &str = "2";

/// The newest job of a server with this action.
async fn job(control: &Control, action: &str) -> String {
    let jobs = control.json(&["job", "list", "--action", action]).await;
    jobs[0]["id"].to_string()
}

/// Watches a job to its good end, as a person and as a program.
async fn watched(control: &Control, job: &str) {
    let printed = control.table(&["job", "watch", job, "--limit-s", "120"]).await;
    assert!(printed.contains("done") && printed.contains("STEP"), "{printed}");
    let ended = control.json(&["job", "watch", job]).await;
    assert_eq!((ended["id"].to_string().as_str(), &ended["failed"]), (job, &Value::from(false)), "{ended}");
    assert!(!ended["finished"].is_null(), "{ended}");
}

/// A new server of the smaller package; its id.
pub(super) async fn created(control: &Control) -> String {
    let user =
        control.json(&["user", "create", "--name", "Ann", "--email", "ann@example.test"]).await["id"].to_string();
    let order = [
        "server",
        "create",
        "--package",
        PACKAGE,
        "--user",
        &user,
        "--group",
        GROUP,
        "--memory-mib",
        "2048",
        "--ipv4",
        "2",
    ];
    let could = control.berth(&[&order[..], &["--dry-run"]].concat()).await;
    assert_eq!((could.code, could.stdout.trim()), (0, "This server could be created."), "{}", could.stderr);
    assert_eq!(control.json(&["server", "list"]).await, Value::Array(Vec::new()), "a dry run makes nothing");
    let made = control.json(&order).await;
    assert_eq!(made["settings"]["resources"]["memory"], 2048);
    assert_eq!(made["network"]["interfaces"][0]["ipv4"].as_array().unwrap().len(), 2);
    assert_eq!(control.json(&["server", "list", "--user", &user]).await[0]["id"], made["id"]);
    assert_eq!(control.json(&["server", "list", "--hypervisor", "9"]).await, Value::Array(Vec::new()));
    made["id"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_created_built_switched_shown_and_deleted() {
    let control = Control::start_with_a_node().await;
    let id = created(&control).await;
    let build = ["server", "build", &id, "--template", TEMPLATE, "--name", "web", "--hostname", "web.example.test"];
    let built = control.table(&[&build[..], &["--vnc", "--ipv6", "--swap-mib", "256", "--wait"]].concat()).await;
    assert!(built.contains("complete") && built.contains("web.example.test"), "{built}");
    let password = built.lines().find_map(|line| line.strip_prefix("Password of root: "));
    assert!(password.is_some_and(|password| password.len() >= 12), "{built}");
    watched(&control, &job(&control, "build_server").await).await;
    let again = ["server", "build", "web", "--template", TEMPLATE, "--name", "web", "--hostname", "web.example.test"];
    let again = control.json(&again).await;
    assert!(again["settings"]["decryptedPassword"].is_string(), "{again}");
    watched(&control, &job(&control, "build_server").await).await;

    let listed = control.table(&["server", "list"]).await;
    assert!(listed.contains("web") && listed.contains("OWNER"), "{listed}");
    let runs = || control.nodes[0].host().servers.values().all(|server| server.running);
    assert!(runs());
    for (action, running) in
        [("shutdown", false), ("boot", true), ("poweroff", false), ("boot", true), ("restart", true)]
    {
        assert_eq!(control.table(&["server", "power", action, "web", "--wait"]).await.trim(), "Done.");
        assert_eq!(runs(), running, "{action}");
    }
    assert_eq!(control.json(&["server", "show", "web", "--live"]).await["hostname"], "web.example.test");
    let told = control.table(&["server", "power", "restart", &id]).await;
    let number = told.trim().rsplit(' ').next().unwrap();
    assert_eq!(told.trim(), format!("Job {number} does it: berth job watch {number}"));
    watched(&control, number).await;

    let asked = control.berth(&["server", "delete", "web"]).await;
    assert!(asked.code == 1 && asked.stderr.contains("--yes"), "{}", asked.stderr);
    let deleted = control.table(&["server", "delete", "web", "--yes"]).await;
    assert_eq!(deleted.trim(), "The server is being deleted.");
    watched(&control, &job(&control, "delete_server").await).await;
    let gone = control.berth(&["server", "show", &id]).await;
    assert_eq!((gone.code, gone.stderr.trim()), (1, "server not found"));
    assert_eq!(control.json(&["server", "list"]).await, Value::Array(Vec::new()));
    let host = control.nodes[0].host();
    let left = host.servers.values().any(|server| server.running || !server.volumes.is_empty());
    assert!(host.servers.len() == 1 && !left, "the node has nothing of it but the note that it is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_listed_with_and_without_a_package() {
    let control = Control::start_with_a_node().await;
    let all = control.json(&["template", "list"]).await;
    assert_eq!(all.as_array().unwrap().len(), 5);
    let of_package = control.json(&["template", "list", "--package", PACKAGE]).await;
    assert_eq!(of_package.as_array().unwrap().len(), 5);
    let id = all[0]["id"].to_string();
    control.json(&["template", "update", &id, "--enabled", "false"]).await;
    assert_eq!(control.json(&["template", "list"]).await.as_array().unwrap().len(), 5, "those who keep them see all");
    assert_eq!(control.json(&["template", "list", "--package", PACKAGE]).await.as_array().unwrap().len(), 4);
    let printed = control.table(&["template", "list"]).await;
    assert!(printed.contains("bookworm") && printed.contains("AlmaLinux"), "{printed}");
}
