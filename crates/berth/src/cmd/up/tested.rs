//! The self-test that a node gets when it joins: no server is placed there before its storage has passed one.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::setup::field;
use crate::client::Client;
use crate::output::Format;
use crate::progress;

/// Two guests boot in it, perhaps under emulation on a busy machine.
const LIMIT_S: u64 = 900;
/// The kind of storage that is a node's own folder.
const OWN_FOLDER: &str = "directory";

/// Waits until the node's own folder has passed a self-test; one is started where none is on its way. Says what else
/// was found wrong, which keeps no server away.
pub async fn wait(client: &Client, hypervisor: i64) -> anyhow::Result<()> {
    let mut found = newest(client, hypervisor).await?;
    if own_folder(&found).is_none_or(|check| check["passed"] != true) {
        println!("Testing whether guests boot on this machine and keep what they write.");
        let job = on_its_way(client, hypervisor).await?;
        progress::job(client, Format::Table, job, LIMIT_S).await.context("the self-test of this machine")?;
        found = newest(client, hypervisor).await?;
    }
    match judge(&found, hypervisor) {
        Ok(notes) => {
            notes.iter().for_each(|note| println!("Note: {note}"));
            Ok(())
        }
        Err(why) => bail!(why),
    }
}

async fn newest(client: &Client, hypervisor: i64) -> anyhow::Result<Value> {
    let answer = client.get(&format!("/compute/hypervisors/{hypervisor}")).await.context("asking for the self-test")?;
    Ok(field(&answer, "selftest").cloned().unwrap_or_default())
}

/// The job of a test that has not ended.
async fn on_its_way(client: &Client, hypervisor: i64) -> anyhow::Result<i64> {
    let id = hypervisor.to_string();
    let jobs = client.list("/queue", &[("hypervisorId", &id), ("kind", "selftest")]).await?;
    if let Some(job) = jobs.iter().find(|job| job["finished"].is_null()) {
        return job["id"].as_i64().context("the self-test's job has no id");
    }
    let queued = client.post(&format!("/compute/hypervisors/{hypervisor}/selftest"), &json!({})).await?;
    field(&queued, "queueId").and_then(Value::as_i64).context("the self-test has no job")
}

fn checks(found: &Value) -> impl Iterator<Item = &Value> {
    found["checks"].as_array().into_iter().flatten()
}

fn own_folder(found: &Value) -> Option<&Value> {
    checks(found).find(|check| check["storageKind"] == OWN_FOLDER && check["storageLocation"].is_null())
}

/// What failed beside the node's own folder, a sentence each; or the sentence that says why no server is placed here.
fn judge(found: &Value, hypervisor: i64) -> Result<Vec<String>, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let again = format!("`berth hypervisor selftest {hypervisor}` tests it again, and `--demo 0` starts without it");
    match own_folder(found) {
        None => return Err(format!("the self-test of this machine told nothing of its storage. {again}")),
        Some(check) if check["passed"] != true => {
            return Err(format!(
                "this machine did not pass its self-test, so the first server can't be placed here: {} {again}",
                text(&check["detail"])
            ));
        }
        Some(_) => {}
    }
    let failed = checks(found).filter(|check| check["passed"] != true);
    Ok(failed
        .map(|check| format!("the self-test's check '{}' failed: {}", text(&check["name"]), text(&check["detail"])))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(storage: bool, bridge: bool) -> Value {
        json!({ "passed": storage && bridge, "checks": [
            { "name": "bridge br0", "passed": bridge, "detail": "The bridge is not there.", "storageKind": null,
              "storageLocation": null },
            { "name": "storage zfs tank", "passed": true, "detail": "A guest booted.", "storageKind": "directory",
              "storageLocation": "/mnt/other" },
            { "name": "storage", "passed": storage, "detail": "The guest did not boot.", "storageKind": "directory",
              "storageLocation": null },
        ] })
    }

    #[test]
    fn a_test_that_failed_is_told_in_a_sentence_and_only_storage_keeps_servers_away() {
        assert_eq!(judge(&found(true, true), 1), Ok(Vec::new()));
        let note = "the self-test's check 'bridge br0' failed: The bridge is not there.".to_owned();
        assert_eq!(judge(&found(true, false), 1), Ok(vec![note]));
        let told = judge(&found(false, true), 7).unwrap_err();
        assert!(told.contains("The guest did not boot.") && told.contains("berth hypervisor selftest 7"), "{told}");
        for nothing in [Value::Null, json!({ "passed": true, "checks": [] })] {
            assert!(judge(&nothing, 1).unwrap_err().contains("told nothing of its storage"), "{nothing}");
        }
    }
}
