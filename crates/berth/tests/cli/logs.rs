//! In which form a long-running command writes its log.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(60);
/// What a control server says when it is up.
const UP: &str = "serving";

/// A line of either form.
fn is_up(line: &str) -> bool {
    line.contains(&format!(" {UP} ")) || line.contains(&format!("\"{UP}\""))
}

/// The log of a control server until it is up, with a form in its configuration and one in the environment.
async fn log(configured: &str, asked: Option<&str>) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("control.toml");
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let text = format!("listen = \"127.0.0.1:0\"\ndata_dir = {data:?}\nlog_format = \"{configured}\"\n");
    std::fs::write(&config, text).unwrap();
    let mut berth = Command::new(env!("CARGO_BIN_EXE_berth"));
    for name in ["BERTH_LOG", "BERTH_LOG_FORMAT", "BERTH_WITH_PARENT"] {
        berth.env_remove(name);
    }
    berth.args(["control", "--config"]).arg(&config).envs(asked.map(|form| ("BERTH_LOG_FORMAT", form)));
    let mut running =
        berth.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let mut said: Vec<String> = Vec::new();
    let read = async {
        while !said.last().is_some_and(|line| is_up(line)) {
            said.push(lines.next_line().await.unwrap().expect("it goes on"));
        }
    };
    assert!(tokio::time::timeout(LIMIT, read).await.is_ok(), "it is not up");
    running.kill().await.unwrap();
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_text_or_json_as_the_environment_says_or_else_the_configuration() {
    for (configured, asked, is_json) in
        [("text", None, false), ("json", None, true), ("text", Some("json"), true), ("json", Some("text"), false)]
    {
        let said = log(configured, asked).await;
        for line in &said {
            let is_object = serde_json::from_str::<Value>(line).is_ok_and(|line| line["fields"].is_object());
            assert_eq!(is_object, is_json, "{configured} {asked:?}: {line}");
        }
        if is_json {
            let last: Value = serde_json::from_str(&said[said.len() - 1]).unwrap();
            assert_eq!((&last["level"], &last["fields"]["message"]), (&json!("INFO"), &json!(UP)));
        }
    }
}
