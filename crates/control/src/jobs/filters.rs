//! The filters of all servers of a node, written anew there from what the control server has.
//!
//! ```text
//!   follow → write → (done)
//! ```
//!
//! A server whose newest specification its node does not have gets it by work of its own, which is waited for a while.
//! Then the node writes the rules of all its servers, whatever it finds in force, and says of which generation.

use std::{collections::HashMap, time::Duration};

use berth_api::v1::network_filters::FiltersWritten;
use berth_proto as proto;
use berth_store::{Micros, server};
use serde_json::json;
use uuid::Uuid;

use super::{Run, StepError, StepResult};
use crate::{actions::queue, clock::MINUTE, nodes::Node};

/// How long servers are waited for that are behind, from the job's creation.
const FOLLOW_LIMIT: Micros = MINUTE;
const PAUSE: Duration = Duration::from_secs(2);
/// Servers that a result names.
const NAMED: usize = 100;
/// Failures that its sentence tells.
const TOLD: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Follow,
    Write,
}

impl Step {
    pub const ALL: [Step; 2] = [Step::Follow, Step::Write];

    pub const fn name(self) -> &'static str {
        match self {
            Step::Follow => "hypervisor.filters.follow",
            Step::Write => "hypervisor.filters.write",
        }
    }
}

/// A built server: its id, its UUID, and the generation of its newest specification.
type Built = (i64, Uuid, i64);

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    if run.job.step == Step::Write.name() { write(run).await } else { follow(run).await }
}

async fn follow(run: &Run) -> Result<StepResult, StepError> {
    let node = run.node().await?;
    let behind = behind(&built(run, &node).await?, &node.observe_all().await?.servers);
    let data = json!({ "behind": behind.len() });
    let ctx = run.ctx.clone();
    Ok(StepResult::next(Step::Write.name()).progress(20).data(data).write(move |tx| {
        let (ctx, behind) = (ctx.clone(), behind.clone());
        Box::pin(async move {
            for id in behind {
                if let Some(row) = server::lock(tx, id).await? {
                    queue::enqueue_apply(&ctx, tx, &row, ctx.now()).await?;
                }
            }
            Ok(())
        })
    }))
}

async fn write(run: &Run) -> Result<StepResult, StepError> {
    let node = run.node().await?;
    let servers = built(run, &node).await?;
    let behind = behind(&servers, &node.observe_all().await?.servers);
    if !behind.is_empty() && run.ctx.now() < run.job.created_at + FOLLOW_LIMIT {
        return Ok(StepResult::wait(PAUSE));
    }
    Ok(came_to(&servers, node.regenerate_filters().await?, behind))
}

async fn built(run: &Run, node: &Node) -> Result<Vec<Built>, StepError> {
    Ok(server::built_on(run.ctx.store.read(), node.row.id).await?)
}

/// Ids of those whose newest specification the node does not have.
fn behind(servers: &[Built], seen: &[proto::ObservedServer]) -> Vec<i64> {
    let there = seen.iter().filter(|server| !server.buried);
    let has: HashMap<&str, u64> =
        there.map(|server| (server.server_uuid.as_str(), server.desired_generation)).collect();
    let is_behind = |(_, uuid, generation): &&Built| {
        has.get(uuid.to_string().as_str()).is_none_or(|has| *has < generation.unsigned_abs())
    };
    servers.iter().filter(is_behind).map(|(id, ..)| *id).collect()
}

/// Done where the filters of all that the node has are in force; those that were behind are named either way.
fn came_to(servers: &[Built], reply: proto::RegenerateFiltersReply, mut behind: Vec<i64>) -> StepResult {
    let failed: Vec<String> = reply.servers.iter().filter_map(|told| failure(servers, told)).collect();
    let written = reply.servers.iter().filter(|told| told.error.is_empty());
    let (count, interfaces) =
        written.fold((0, 0), |(count, interfaces), told| (count + 1, interfaces + i64::from(told.interfaces)));
    behind.truncate(NAMED);
    let written = FiltersWritten { servers: count, interfaces, removed: reply.removed.into(), behind };
    if failed.is_empty() {
        let result = json!(written);
        return StepResult { result: result.clone(), ..StepResult::done().data(result) };
    }
    let first = failed[..failed.len().min(TOLD)].join(" ");
    let (failed, all) = (failed.len(), reply.servers.len());
    StepResult::fail(format!("The filters of {failed} of {all} servers are not in force. {first}"))
}

/// A sentence where a server's filters are not in force.
fn failure(servers: &[Built], told: &proto::FilteredServer) -> Option<String> {
    if told.error.is_empty() {
        return None;
    }
    let known = servers.iter().find(|(_, uuid, _)| uuid.to_string() == told.server_uuid);
    let name = known.map_or_else(|| told.server_uuid.clone(), |(id, ..)| id.to_string());
    Some(format!("Server {name}: {}", told.error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::Then;

    fn uuid(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn who_lacks_the_newest_specification_is_behind_and_nobody_else() {
        let servers = [(1, uuid(1), 5), (2, uuid(2), 5), (3, uuid(3), 5), (4, uuid(4), 5)];
        let seen = |n, desired_generation, buried| proto::ObservedServer {
            server_uuid: uuid(n).to_string(),
            desired_generation,
            buried,
            ..Default::default()
        };
        let seen = [seen(1, 5, false), seen(2, 4, false), seen(3, 9, true), seen(7, 1, false)];
        assert_eq!(behind(&servers, &seen), [2, 3, 4]);
    }

    #[test]
    fn what_is_not_in_force_is_said_and_what_is_behind_is_named() {
        let servers = [(1, uuid(1), 5)];
        let told = |n, error: &str| proto::FilteredServer {
            server_uuid: uuid(n).to_string(),
            generation: 5,
            interfaces: 2,
            error: error.to_owned(),
        };
        let good = proto::RegenerateFiltersReply { servers: vec![told(1, ""), told(2, "")], removed: 3 };
        let came = came_to(&servers, good, vec![9]);
        assert!(matches!(came.then, Then::Done));
        assert_eq!(came.result, json!({ "servers": 2, "interfaces": 4, "removed": 3, "behind": [9] }));
        let bad = proto::RegenerateFiltersReply { servers: vec![told(1, "It is odd."), told(2, "")], removed: 0 };
        let Then::Fail(why) = came_to(&servers, bad, Vec::new()).then else { panic!("it fails") };
        assert_eq!(why, "The filters of 1 of 2 servers are not in force. Server 1: It is odd.");
    }
}
