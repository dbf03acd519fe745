//! Boot, shutdown, restart and power off.

use berth_proto as proto;
use berth_store::server_outcome;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Run, StepError, StepResult, build::load};
use crate::{nodes::op, spec};

pub const STEP: &str = "server.power";

/// How long a boot or restart lets a guest that was told to shut down take, before it is powered off.
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

/// One step: the node does it once however often it is told, and a shutdown ends when the guest has been told.
pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    let PowerPayload { action } = run.payload()?;
    let details = load(run).await?;
    if details.server.suspended && matches!(action, PowerAction::Boot | PowerAction::Restart) {
        return Ok(StepResult::fail("The server is suspended."));
    }
    let node = run.node().await?;
    let uuid = details.server.uuid.to_string();
    if matches!(action, PowerAction::Boot | PowerAction::Restart) {
        // What changed since the last start is in the database; the node starts the newest it was given.
        node.apply(run.fence(), spec::server_spec(&run.ctx, &details)?).await?;
    }
    let operation = match action {
        PowerAction::Boot => op::Op::Boot(proto::Boot { wait_guest_s: 0 }),
        PowerAction::Shutdown => op::Op::Shutdown(proto::Shutdown { wait_s: 0 }),
        PowerAction::Restart => op::Op::Restart(proto::Restart { shutdown_wait_s: SHUTDOWN_LIMIT_S }),
        PowerAction::Poweroff => op::Op::PowerOff(proto::PowerOff {}),
    };
    let done = op::wait_done(run, &node, &uuid, "power", operation).await?;
    let (server_id, now) = (details.server.id, run.ctx.now());
    let power = match action {
        PowerAction::Boot | PowerAction::Restart => Some("running"),
        PowerAction::Poweroff => Some("off"),
        PowerAction::Shutdown => None,
    };
    Ok(StepResult::done().data(json!({ "action": action, "detail": done.detail })).write(move |tx| {
        Box::pin(async move {
            if let Some(power) = power {
                server_outcome::power(tx, server_id, power, now).await?;
            }
            Ok(())
        })
    }))
}
