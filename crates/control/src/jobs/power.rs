//! Boot, shutdown, restart and power off.

use std::pin::Pin;

use berth_proto as proto;
use berth_store::{Micros, Tx, pending_action, server_details::ServerDetails, server_outcome};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Run, StepError, StepResult, Write, build::load, leaving, specification};
use crate::{Error, nodes::op, pending::Settled};

pub const STEP: &str = "server.power";

/// How long a restart lets a guest that was told to shut down take, before it is powered off.
pub const SHUTDOWN_LIMIT_S: u32 = 120;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerAction {
    Boot,
    Shutdown,
    Restart,
    Poweroff,
}

impl PowerAction {
    /// The operation's name in the queue.
    pub fn queue_name(self) -> &'static str {
        match self {
            PowerAction::Boot => "boot_server",
            PowerAction::Shutdown => "shutdown_server",
            PowerAction::Restart => "restart_server",
            PowerAction::Poweroff => "poweroff_server",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct PowerPayload {
    pub action: PowerAction,
}

/// One step, and one before it where changes wait for a start. The node does it once however often it is told, and a
/// shutdown ends when the guest has been told.
pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    let PowerPayload { action } = run.payload()?;
    let mut details = load(run).await?;
    let starts = matches!(action, PowerAction::Boot | PowerAction::Restart);
    if details.server.suspended && starts {
        return Ok(StepResult::fail("The server is suspended."));
    }
    if starts && details.pending.iter().any(|row| !row.waits_for.is_empty() && !row.collected) {
        return Ok(collect(&details, run.ctx.now()));
    }
    let node = run.node().await?;
    let uuid = details.server.uuid.to_string();
    if starts {
        // What changed since the last start is in the database; the node starts the newest it was given.
        details = specification::send(run, &node).await?;
    }
    let operation = match action {
        PowerAction::Boot => op::Op::Boot(proto::Boot { wait_guest_s: 0 }),
        PowerAction::Shutdown => op::Op::Shutdown(proto::Shutdown { wait_s: 0 }),
        PowerAction::Restart => op::Op::Restart(proto::Restart { shutdown_wait_s: SHUTDOWN_LIMIT_S }),
        PowerAction::Poweroff => op::Op::PowerOff(proto::PowerOff {}),
    };
    let done = op::wait_done(run, &node, &uuid, "power", operation).await?;
    let power = match action {
        PowerAction::Boot | PowerAction::Restart => Some("running"),
        PowerAction::Poweroff => Some("off"),
        PowerAction::Shutdown => None,
    };
    let mut settled = if power.is_some() { specification::look(&node, &details).await? } else { None };
    if let (Some(settled), true) = (&mut settled, starts) {
        settled.gone_disks = left(leaving::gone(run, &node, &details).await, &uuid)?;
    }
    let applied = settled.as_ref().map(|settled| settled.applied.clone()).unwrap_or_default();
    let data = json!({ "action": action, "detail": done.detail, "applied": applied });
    Ok(StepResult::done().data(data).write(ended(details.server.id, power, settled, run.ctx.now())))
}

/// A guest that was started is, also where a volume that left it can't be removed now: the next change tries again.
fn left(gone: Result<Vec<i64>, StepError>, server: &str) -> Result<Vec<i64>, StepError> {
    match gone {
        Err(StepError::Fatal(why)) => {
            tracing::warn!(server, why, "volumes of disks that left a server are still on its node");
            Ok(Vec::new())
        }
        outcome => outcome,
    }
}

/// What waits shows as being applied, and then the step is taken again.
fn collect(details: &ServerDetails, now: Micros) -> StepResult {
    let server_id = details.server.id;
    StepResult::next(STEP)
        .write(move |tx| Box::pin(async move { Ok(pending_action::collect(tx, server_id, false, now).await?) }))
}

/// What the guest does now, where that is known, and what of the changes it has.
pub fn ended(
    server_id: i64,
    power: Option<&'static str>,
    settled: Option<Settled>,
    now: Micros,
) -> impl for<'t> Fn(&'t Tx) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 't>> + Send + Sync + 'static {
    move |tx| {
        let settled = settled.clone();
        Box::pin(async move {
            if let Some(power) = power {
                server_outcome::power(tx, server_id, power, now).await?;
            }
            if let Some(settled) = settled {
                specification::write(tx, server_id, &settled, now).await?;
            }
            Ok(())
        })
    }
}

/// The changes that it was to apply wait on, for the next one.
pub fn failed(run: &Run) -> Option<Write> {
    let (server_id, now) = (run.job.server_id?, run.ctx.now());
    Some(Box::new(move |tx| Box::pin(async move { Ok(pending_action::collect(tx, server_id, true, now).await?) })))
}
