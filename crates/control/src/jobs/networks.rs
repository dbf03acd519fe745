//! Changes of a node's own network, which the node undoes unless it is told that it is still reached.
//!
//! ```text
//!   send → confirm → (done)
//! ```

use berth_proto::{self as proto, networks_reply::State};
use berth_store::hypervisor_network;
use serde_json::json;

use super::{Run, StepError, StepResult};

/// Of a bridge whose network names none.
const MTU: u32 = 1500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Send,
    Confirm,
}

impl Step {
    pub const ALL: [Step; 2] = [Step::Send, Step::Confirm];

    pub const fn name(self) -> &'static str {
        match self {
            Step::Send => "hypervisor.networks.send",
            Step::Confirm => "hypervisor.networks.confirm",
        }
    }
}

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    if run.job.step == Step::Confirm.name() { confirm(run).await } else { send(run).await }
}

/// All bridges that the node is to make, as the rows have them now.
async fn send(run: &Run) -> Result<StepResult, StepError> {
    let node = run.node().await?;
    let networks = hypervisor_network::of_hypervisors(run.ctx.store.read(), &[node.row.id]).await?;
    let bridges = networks.into_iter().filter(|network| network.made).map(|network| proto::BridgeSettings {
        bridge: network.bridge,
        mtu: network.mtu.and_then(|mtu| u32::try_from(mtu).ok()).unwrap_or(MTU),
    });
    let request = proto::SetNetworksRequest {
        change_id: run.op_id("networks"),
        cluster_epoch: run.ctx.cluster.epoch,
        // Of two jobs the newer one has read the newer rows.
        generation: run.job.id.unsigned_abs(),
        bridges: bridges.collect(),
    };
    came_to(node.set_networks(request).await?)
}

/// That a connection from before still carries something proves little: this is a new one.
async fn confirm(run: &Run) -> Result<StepResult, StepError> {
    let node = run.node_anew().await?;
    came_to(node.confirm_networks(&run.op_id("networks")).await?)
}

fn came_to(reply: proto::NetworksReply) -> Result<StepResult, StepError> {
    let within = reply.confirm_within_s;
    match reply.state() {
        State::Pending => Ok(StepResult::next(Step::Confirm.name()).data(json!({ "confirmWithin": within }))),
        State::Confirmed => Ok(StepResult::done().data(json!({ "confirmed": true }))),
        State::Superseded => {
            Ok(StepResult::done().data(json!({ "confirmed": false, "detail": "A newer change took its place." })))
        }
        State::Undone => Ok(StepResult::fail(format!(
            "The node undid the change: it was not confirmed within {within} s, as where the node is no longer reached with it."
        ))),
        State::Unspecified => Err(StepError::Fatal("The node's answer is not understood.".to_owned())),
    }
}
