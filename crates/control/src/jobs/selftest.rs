//! The self-test of a node, and what it found.
//!
//! A test that ends is done, whatever it found: what fails is kept with the node, and placement reads it there.

use std::time::Duration;

use berth_api::v1::hypervisor_checks::SelftestCheck;
use berth_proto::{self as proto, selftest_check::Outcome, selftest_reply::State};
use berth_store::selftest::{self, NewSelftest, StorageTest};
use serde_json::{Value, json};

use super::{Run, StepError, StepResult};
use crate::{events::store_facts, nodes::Poll};

pub const STEP: &str = "hypervisor.selftest";
/// Looks within one step, some twenty seconds; then the step begins again, so that a cancelled job ends.
const LOOKS: u32 = 85;

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    let node = run.node().await?;
    let id = run.op_id("selftest");
    let mut poll = Poll::default();
    for _ in 0..LOOKS {
        let reply = node.selftest(&id).await?;
        if reply.state() == State::Done {
            // What was put right since the node was last met, placement knows from now on.
            let hello = node.hello(&run.ctx.cluster.uuid.to_string()).await?;
            store_facts(&run.ctx, &node.row, &hello).await?;
            return kept(run, node.row.id, reply.checks);
        }
        run.note_progress(i32::try_from(reply.checks.len()).unwrap_or(0).min(9) * 10).await?;
        poll.pause().await;
    }
    Ok(StepResult::wait(Duration::from_secs(1)))
}

fn kept(run: &Run, hypervisor_id: i64, checks: Vec<proto::SelftestCheck>) -> Result<StepResult, StepError> {
    let storage = checks.iter().filter(|check| !check.storage_kind.is_empty()).map(tested).collect();
    let checks: Vec<SelftestCheck> = checks.into_iter().map(shown).collect();
    let passed = !checks.is_empty() && checks.iter().all(|check| check.passed);
    let new = NewSelftest {
        hypervisor_id,
        job_id: run.job.id,
        passed,
        storage,
        checks: json_of(&checks)?,
        now: run.ctx.now(),
    };
    let data = json!({ "passed": passed, "checks": new.checks });
    Ok(StepResult::done().data(data).write(move |tx| {
        let new = new.clone();
        Box::pin(async move { Ok(selftest::record(tx, new).await?) })
    }))
}

fn json_of(checks: &[SelftestCheck]) -> Result<Value, StepError> {
    serde_json::to_value(checks).map_err(|error| StepError::Fatal(format!("The result can't be kept: {error}.")))
}

fn tested(check: &proto::SelftestCheck) -> StorageTest {
    StorageTest {
        kind: check.storage_kind.clone(),
        location: check.storage_location.clone(),
        passed: check.outcome() == Outcome::Passed,
        detail: check.detail.clone(),
    }
}

fn shown(check: proto::SelftestCheck) -> SelftestCheck {
    let passed = check.outcome() == Outcome::Passed;
    let proto::SelftestCheck { name, outcome: _, detail, took_ms, storage_kind, storage_location } = check;
    let storage_kind = Some(storage_kind).filter(|kind| !kind.is_empty());
    let storage_location = Some(storage_location).filter(|location| !location.is_empty());
    SelftestCheck { name, passed, detail, took_ms, storage_kind, storage_location }
}
