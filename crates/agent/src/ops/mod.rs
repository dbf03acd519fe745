//! Operations that happen once: start and outcome are in the ledger, and a repeat answers what is there.
//!
//! An operation that was running when the agent stopped is taken up again at its start. All of them look first, so
//! that what was done is not done twice.

mod power;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use berth_proto::{self as proto, do_reply, do_request::Op};
use prost::Message;
use tokio::time::Instant;
use tonic::Status;
use tracing::Instrument;

use crate::{
    agent::Agent,
    domain_xml::Running,
    guest_agent,
    ledger::{Entry, OpRecord, OpState, Refusal, VolumeRecord},
    libvirt::{HostError, State},
    service::refused,
    vm::VmError,
};

/// How long an operation outlasts a libvirt that goes away in the middle of it.
const AWAY_LIMIT: Duration = Duration::from_secs(600);
const AWAY_PAUSE: Duration = Duration::from_secs(2);

/// How an operation ended well: a sentence, and figures by name.
pub(crate) type Outcome = (String, BTreeMap<String, String>);

fn said(detail: &str) -> Outcome {
    (detail.to_owned(), BTreeMap::new())
}

/// Begins the operation, or answers how far it is.
pub async fn start(agent: &Arc<Agent>, request: proto::DoRequest) -> Result<proto::DoReply, Status> {
    let uuid = request.server_uuid.clone();
    if request.op.is_none() || request.op_id.is_empty() {
        return Err(refused(Refusal::Feature("of this operation".to_owned()).into()));
    }
    let token = request.fence.as_ref().map_or(0, |fence| fence.lease_token);
    if let Some(known) = agent.ledger.get(&uuid).and_then(|entry| entry.op(&request.op_id).cloned()) {
        return Ok(reply(&known));
    }
    // An operation that begins without knowing what ran before it could not be settled after a restart.
    let guest_before = agent.libvirt.running_id(&agent.domain(&uuid)).await;
    let guest_before = guest_before.map_err(|error| Status::unavailable(crate::sentence(&error.to_string())))?;
    let record = OpRecord {
        op_id: request.op_id.clone(),
        request: BASE64.encode(request.encode_to_vec()),
        state: OpState::Running,
        detail: String::new(),
        result: BTreeMap::new(),
        guest_before,
    };
    let begun = agent.ledger.change(&uuid, |entry| {
        entry.check_fence(token)?;
        if entry.tombstone.is_some() {
            return Err(Refusal::Buried("it is being removed".to_owned()));
        }
        if let Some(known) = entry.op(&record.op_id) {
            return Ok(Err(known.clone()));
        }
        entry.begin_op(record.clone());
        Ok(Ok(record.clone()))
    });
    let begun = begun.map_err(refused)?;
    match begun {
        Err(known) => Ok(reply(&known)),
        Ok(begun) => {
            let answer = reply(&begun);
            tracing::info!(server = request.server_uuid, op = request.op_id, "an operation begins");
            let work = carry_out(Arc::clone(agent), request, begun.guest_before);
            tokio::spawn(work.in_current_span());
            Ok(answer)
        }
    }
}

/// Takes up what was running when the agent stopped.
pub fn resume(agent: &Arc<Agent>, entry: &Entry) {
    for op in entry.ops.iter().filter(|op| op.state == OpState::Running) {
        let request = BASE64.decode(&op.request).ok().and_then(|bytes| proto::DoRequest::decode(bytes.as_slice()).ok());
        if let Some(request) = request {
            tokio::spawn(carry_out(Arc::clone(agent), request, op.guest_before));
        }
    }
}

async fn carry_out(agent: Arc<Agent>, request: proto::DoRequest, guest_before: Option<u32>) {
    let (uuid, op_id) = (request.server_uuid.clone(), request.op_id.clone());
    let outcome = run_through(&agent, &request, guest_before).await;
    let (state, detail, result) = match outcome {
        Ok((detail, result)) => (OpState::Done, detail, result),
        Err(error) => (OpState::Failed, crate::sentence(&error.to_string()), BTreeMap::new()),
    };
    tracing::info!(server = uuid, op = op_id, ?state, detail, "an operation ended");
    // The outcome is told only once it is on disk; until then the operation counts as running and is taken up again.
    while let Err(error) = agent.ledger.change(&uuid, |entry| {
        entry.end_op(&op_id, state, &detail, result.clone());
        Ok(())
    }) {
        tracing::error!(%error, "the outcome of an operation can't be kept; it is tried again");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// Takes the operation up again, as after a restart, where libvirt went away before it ended.
async fn run_through(
    agent: &Arc<Agent>,
    request: &proto::DoRequest,
    guest_before: Option<u32>,
) -> Result<Outcome, VmError> {
    let end = Instant::now() + AWAY_LIMIT;
    loop {
        match run(agent, request.clone(), guest_before).await {
            Err(VmError::Host(error @ HostError::Away(_))) if Instant::now() < end => {
                tracing::warn!(server = request.server_uuid, %error, "an operation is taken up again");
                tokio::time::sleep(AWAY_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

async fn run(agent: &Arc<Agent>, request: proto::DoRequest, guest_before: Option<u32>) -> Result<Outcome, VmError> {
    let uuid = request.server_uuid;
    match request.op {
        Some(Op::Boot(boot)) => power::boot(agent, &uuid, boot.wait_guest_s).await,
        Some(Op::Shutdown(shutdown)) => power::shutdown(agent, &uuid, shutdown.wait_s).await,
        Some(Op::PowerOff(_)) => power::power_off(agent, &uuid).await,
        Some(Op::Restart(restart)) => power::restart(agent, &uuid, restart.shutdown_wait_s, guest_before).await,
        Some(Op::SetPassword(set)) => set_password(agent, &uuid, &set).await,
        Some(Op::PruneVolumes(_)) => prune_volumes(agent, &uuid).await,
        None => Err(VmError::Refused("this agent does not know the operation".to_owned())),
    }
}

async fn set_password(agent: &Arc<Agent>, uuid: &str, set: &proto::SetPassword) -> Result<Outcome, VmError> {
    let _lock = agent.lock(uuid).await;
    let name = agent.domain(uuid);
    if agent.libvirt.state(&name).await? != State::Running {
        return Err(VmError::Refused("the server is off, and only a running guest can take a new password".to_owned()));
    }
    if !guest_agent::answers(&agent.libvirt, &name).await {
        return Err(VmError::Refused(
            "the guest's agent does not answer, so its password can't be set; is qemu-guest-agent installed and running in it?".to_owned(),
        ));
    }
    let is_hash = set.password.is_empty();
    let text = if is_hash { &set.password_hash } else { &set.password };
    guest_agent::set_password(&agent.libvirt, &name, &set.user, text, is_hash).await?;
    Ok(said("The guest has the new password."))
}

async fn prune_volumes(agent: &Arc<Agent>, uuid: &str) -> Result<Outcome, VmError> {
    let _lock = agent.lock(uuid).await;
    let Some(entry) = agent.ledger.get(uuid) else { return Ok(said("There is nothing to remove.")) };
    let wanted: Vec<String> =
        entry.spec().map(|spec| spec.disks.into_iter().map(|disk| disk.volume_uuid).collect()).unwrap_or_default();
    let stale: Vec<_> = entry.volumes.iter().filter(|volume| !wanted.contains(&volume.volume_uuid)).cloned().collect();
    let running = agent.libvirt.definitions(&agent.domain(uuid)).await?.running;
    let running = running.map(|xml| Running::read(&xml)).unwrap_or_default();
    let storages = agent.storages();
    let is_held =
        |volume: &VolumeRecord| storages.source_of(volume).is_ok_and(|source| running.disk_of(&source.key()).is_some());
    let (held, stale): (Vec<_>, Vec<_>) = stale.into_iter().partition(is_held);
    for volume in &stale {
        storages.remove(volume).await?;
    }
    agent.ledger.change(uuid, |entry| {
        entry.volumes.retain(|volume| !stale.contains(volume));
        Ok(())
    })?;
    let detail = match held.len() {
        0 => format!("{} earlier disks were removed.", stale.len()),
        held => format!("{} earlier disks were removed; the running guest still holds {held}.", stale.len()),
    };
    let figure = |name: &str, disks: &[VolumeRecord]| (name.to_owned(), disks.len().to_string());
    Ok((detail, BTreeMap::from([figure("removed", &stale), figure("held", &held)])))
}

fn reply(record: &OpRecord) -> proto::DoReply {
    let state = match record.state {
        OpState::Running => do_reply::State::Running,
        OpState::Done => do_reply::State::Done,
        OpState::Failed => do_reply::State::Failed,
    };
    proto::DoReply {
        state: state.into(),
        detail: record.detail.clone(),
        result: record.result.clone().into_iter().collect(),
    }
}
