//! The gRPC doors of the node: each checks, calls and answers.

use std::{pin::Pin, sync::Arc, time::Duration};

use berth_proto::{self as proto, node_server::Node};
use futures::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    agent::Agent,
    console, disk, drift, facts, images,
    ledger::{Entry, LedgerError, Refusal},
    libvirt::{HostError, State},
    net::NetError,
    node_net, ops, regenerate, revive, selftest, stats,
    storage::Source,
    vm::{self, VmError},
};

/// What a specification may ask of this agent.
pub const FEATURES: [&str; 13] = [
    "server.v1",
    "media.v1",
    "custom-xml.v1",
    "hardware.v1",
    "firewall.v1",
    "storage.v1",
    "interfaces.v1",
    "forwards.v1",
    "disks.v1",
    "macs.v1",
    "dhcp.v1",
    "vlans.v1",
    "routed-subnets.v1",
];
/// Servers that are observed in one call.
const OBSERVE_LIMIT: usize = 10_000;
/// Events and samples on their way to one listener.
const IN_FLIGHT: usize = 64;
const STATS_INTERVAL_MIN_MS: u32 = 500;

pub struct Service {
    pub agent: Arc<Agent>,
}

impl Service {
    /// What is said of the server from now on is about what was asked for just now.
    fn asked_for_other(&self, server_uuid: &str) {
        self.agent.set_status(server_uuid, |status| {
            status.error.clear();
            status.asked_by = Some(tracing::Span::current());
        });
    }
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub fn refused(error: LedgerError) -> Status {
    match error {
        LedgerError::Refused(Refusal::Changed(_)) => Status::already_exists(error.to_string()),
        LedgerError::Refused(Refusal::Invalid(_)) => Status::invalid_argument(error.to_string()),
        LedgerError::Refused(_) => Status::failed_precondition(error.to_string()),
        LedgerError::Io(_) | LedgerError::Unreadable(_) => Status::unavailable(error.to_string()),
    }
}

fn away(error: HostError) -> Status {
    Status::unavailable(error.to_string())
}

fn not_changed(error: node_net::Refused) -> Status {
    match error {
        node_net::Refused::Invalid(_) | node_net::Refused::Net(NetError::Refused(_)) => {
            Status::failed_precondition(error.to_string())
        }
        node_net::Refused::Net(NetError::Tool(_)) | node_net::Refused::Io(_) => Status::unavailable(error.to_string()),
    }
}

fn networks_reply(agent: &Agent, state: proto::networks_reply::State) -> proto::NetworksReply {
    let confirm_within_s = u32::try_from(agent.config.networks_confirm_s).unwrap_or(u32::MAX);
    proto::NetworksReply { state: state.into(), confirm_within_s }
}

fn token(fence: Option<&proto::Fence>) -> u64 {
    fence.map_or(0, |fence| fence.lease_token)
}

fn uuid(text: &str) -> Result<(), Status> {
    match uuid::Uuid::try_parse(text) {
        Ok(_) if text.len() == 36 => Ok(()),
        _ => Err(Status::invalid_argument("the server's UUID is not one")),
    }
}

#[tonic::async_trait]
impl Node for Service {
    async fn hello(&self, request: Request<proto::HelloRequest>) -> Result<Response<proto::HelloReply>, Status> {
        let asked = request.into_inner();
        let ours = proto::PROTOCOL_VERSIONS;
        let Some(chosen) = proto::common_version(&ours, &(asked.protocol_min..=asked.protocol_max)) else {
            let range = format!("{} to {}", ours.start(), ours.end());
            return Err(Status::failed_precondition(format!("this agent speaks the protocol's versions {range}")));
        };
        Ok(Response::new(proto::HelloReply {
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: chosen,
            features: FEATURES.map(str::to_owned).to_vec(),
            node_uuid: self.agent.node_uuid.clone(),
            facts: Some(facts::node_facts(&self.agent).await),
        }))
    }

    async fn apply(&self, request: Request<proto::ApplyRequest>) -> Result<Response<proto::ApplyReply>, Status> {
        let request = request.into_inner();
        let spec = request.spec.ok_or_else(|| Status::invalid_argument("there is no specification"))?;
        uuid(&spec.server_uuid)?;
        let taken = self.agent.ledger.change(&spec.server_uuid, |entry| {
            if let Some(lacking) = spec.required_features.iter().find(|feature| !FEATURES.contains(&feature.as_str())) {
                return Err(Refusal::Feature(lacking.clone()));
            }
            entry.check_fence(token(request.fence.as_ref()))?;
            entry.take_spec(&spec)
        });
        if taken.map_err(refused)? {
            tracing::info!(server = spec.server_uuid, generation = spec.generation, "a specification was given");
            self.asked_for_other(&spec.server_uuid);
        }
        self.agent.nudge(&spec.server_uuid);
        Ok(Response::new(proto::ApplyReply {}))
    }

    async fn evict(&self, request: Request<proto::EvictRequest>) -> Result<Response<proto::EvictReply>, Status> {
        let request = request.into_inner();
        uuid(&request.server_uuid)?;
        let evicted = self.agent.ledger.change(&request.server_uuid, |entry| {
            entry.check_fence(token(request.fence.as_ref()))?;
            let is_new = entry.tombstone.is_none();
            entry.bury(request.cluster_epoch, request.generation)?;
            if is_new {
                entry.evicted = false;
            }
            Ok((entry.evicted, is_new))
        });
        let (evicted, is_new) = evicted.map_err(refused)?;
        if is_new {
            // What went wrong before is not what keeps the server from being removed.
            tracing::info!(server = request.server_uuid, "a server is to be removed");
            self.asked_for_other(&request.server_uuid);
        }
        let error = if evicted { String::new() } else { self.agent.status(&request.server_uuid).error };
        if !evicted && error.is_empty() {
            self.agent.nudge(&request.server_uuid);
        }
        Ok(Response::new(proto::EvictReply { evicted, error }))
    }

    async fn observe(&self, request: Request<proto::ObserveRequest>) -> Result<Response<proto::ObserveReply>, Status> {
        let named = request.into_inner().server_uuids;
        let entries: Vec<Entry> = if named.is_empty() {
            self.agent.ledger.all()
        } else {
            named.iter().take(OBSERVE_LIMIT).filter_map(|uuid| self.agent.ledger.get(uuid)).collect()
        };
        let mut servers = Vec::with_capacity(entries.len());
        for entry in entries {
            servers.push(observe(&self.agent, entry, !named.is_empty()).await?);
        }
        let unknown_domains =
            if named.is_empty() { drift::unknown_domains(&self.agent).await.map_err(away)? } else { Vec::new() };
        Ok(Response::new(proto::ObserveReply { servers, unknown_domains }))
    }

    async fn r#do(&self, request: Request<proto::DoRequest>) -> Result<Response<proto::DoReply>, Status> {
        let request = request.into_inner();
        uuid(&request.server_uuid)?;
        Ok(Response::new(ops::start(&self.agent, request).await?))
    }

    async fn ensure_image(
        &self,
        request: Request<proto::EnsureImageRequest>,
    ) -> Result<Response<proto::ImageStatus>, Status> {
        Ok(Response::new(images::ensure(&self.agent, request.into_inner())))
    }

    async fn put_image(
        &self,
        request: Request<Streaming<proto::PutImageChunk>>,
    ) -> Result<Response<proto::ImageStatus>, Status> {
        Ok(Response::new(images::put(&self.agent, request.into_inner()).await?))
    }

    async fn validate(
        &self,
        request: Request<proto::ValidateRequest>,
    ) -> Result<Response<proto::ValidateReply>, Status> {
        let spec = request.into_inner().spec.ok_or_else(|| Status::invalid_argument("there is no specification"))?;
        let error = match vm::validate(&self.agent, &spec).await {
            Ok(()) => String::new(),
            Err(VmError::Refused(why)) => crate::sentence(&why),
            Err(VmError::Host(HostError::Refused { why, .. })) => crate::sentence(&format!("libvirt says: {why}")),
            Err(error) => return Err(Status::unavailable(error.to_string())),
        };
        Ok(Response::new(proto::ValidateReply { error }))
    }

    async fn prune_isos(
        &self,
        request: Request<proto::PruneIsosRequest>,
    ) -> Result<Response<proto::PruneIsosReply>, Status> {
        let pruned = images::prune_isos(&self.agent, request.into_inner().keep);
        let pruned = pruned.map_err(|error| Status::unavailable(format!("the cache of ISO images: {error}")))?;
        Ok(Response::new(proto::PruneIsosReply { removed: pruned.digests, freed_bytes: pruned.bytes }))
    }

    async fn set_networks(
        &self,
        request: Request<proto::SetNetworksRequest>,
    ) -> Result<Response<proto::NetworksReply>, Status> {
        let state = self.agent.node_net.set(&request.into_inner()).await.map_err(not_changed)?;
        Ok(Response::new(networks_reply(&self.agent, state)))
    }

    async fn confirm_networks(
        &self,
        request: Request<proto::ConfirmNetworksRequest>,
    ) -> Result<Response<proto::NetworksReply>, Status> {
        let state = self.agent.node_net.confirm(&request.into_inner().change_id).await.map_err(not_changed)?;
        Ok(Response::new(networks_reply(&self.agent, state)))
    }

    async fn regenerate_filters(
        &self,
        _: Request<proto::RegenerateFiltersRequest>,
    ) -> Result<Response<proto::RegenerateFiltersReply>, Status> {
        let written = regenerate::all(&self.agent).await.map_err(|error| Status::unavailable(error.to_string()))?;
        tracing::info!(servers = written.servers.len(), removed = written.removed, "filters were written anew");
        Ok(Response::new(written))
    }

    type WatchStream = Streamed<proto::Event>;

    async fn watch(&self, request: Request<proto::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let start = request.into_inner();
        let agent = Arc::clone(&self.agent);
        let (sender, receiver) = tokio::sync::mpsc::channel(IN_FLIGHT);
        tokio::spawn(async move {
            let (mut incarnation, mut sequence) = (start.incarnation, start.after_sequence);
            loop {
                let (events, mut newest) = agent.outbox.after(&incarnation, sequence);
                for event in events {
                    (incarnation, sequence) = (event.incarnation.clone(), event.sequence);
                    if sender.send(Ok(event)).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    changed = newest.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn acknowledge(
        &self,
        request: Request<proto::AcknowledgeRequest>,
    ) -> Result<Response<proto::AcknowledgeReply>, Status> {
        let position = request.into_inner();
        self.agent.outbox.acknowledge(&position.incarnation, position.sequence);
        Ok(Response::new(proto::AcknowledgeReply {}))
    }

    type StatsStream = Streamed<proto::StatsSample>;

    async fn stats(&self, request: Request<proto::StatsRequest>) -> Result<Response<Self::StatsStream>, Status> {
        let interval_ms = request.into_inner().interval_ms.max(STATS_INTERVAL_MIN_MS);
        let agent = Arc::clone(&self.agent);
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            let mut sampler = stats::Sampler::default();
            let mut timer = tokio::time::interval(Duration::from_millis(interval_ms.into()));
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = timer.tick() => {}
                    () = sender.closed() => return,
                }
                let sample = sampler.sample(&agent).await.map_err(|error| Status::unavailable(error.to_string()));
                if let Err(error) = &sample {
                    tracing::warn!(%error, "no figures");
                }
                // Without libvirt there is nothing live: the listener's last figures grow old, which it watches, and
                // the stream goes on when libvirt is back.
                let Ok(sample) = sample else { continue };
                if sender.send(Ok(sample)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn selftest(
        &self,
        request: Request<proto::SelftestRequest>,
    ) -> Result<Response<proto::SelftestReply>, Status> {
        let request = request.into_inner();
        uuid(&request.test_id)?;
        Ok(Response::new(selftest::ask(&self.agent, &request.test_id)?))
    }

    type ConsoleStream = Streamed<proto::ConsoleFrame>;

    async fn console(
        &self,
        request: Request<Streaming<proto::ConsoleFrame>>,
    ) -> Result<Response<Self::ConsoleStream>, Status> {
        let frames = console::open(&self.agent, request.into_inner()).await?;
        Ok(Response::new(Box::pin(frames)))
    }
}

async fn observe(agent: &Agent, entry: Entry, with_volumes: bool) -> Result<proto::ObservedServer, Status> {
    let state = agent.libvirt.state(&agent.domain(&entry.server_uuid)).await;
    let (power, away) = match state {
        Ok(state) => (power(agent, &entry, state), None),
        Err(error) => (proto::Power::Unspecified, Some(crate::sentence(&error.to_string()))),
    };
    let mut status = agent.status(&entry.server_uuid);
    if !matches!(power, proto::Power::Running | proto::Power::Paused | proto::Power::ShuttingDown) {
        // Not until the next look: a guest that is off lacks nothing.
        status.waits_for_start.clear();
    }
    let (mut volumes, storages) = (Vec::new(), agent.storages());
    for disk in entry.spec().filter(|_| with_volumes).map(|spec| spec.disks).unwrap_or_default() {
        let found = match storages.source(&disk) {
            Source::File(path) => disk::volume_info(&path, &disk.format).ok(),
            Source::Device(_) | Source::Rbd { .. } => {
                status.devices.iter().find(|(uuid, _)| *uuid == disk.volume_uuid).map(|(_, state)| state.clone())
            }
        };
        if let Some(volume) = found {
            volumes.push(proto::ObservedVolume {
                volume_uuid: disk.volume_uuid,
                path: volume.path.display().to_string(),
                capacity_bytes: volume.capacity_bytes,
                allocated_bytes: volume.allocated_bytes,
                linked: volume.linked,
            });
        }
    }
    Ok(proto::ObservedServer {
        cluster_epoch: entry.cluster_epoch,
        desired_generation: entry.generation,
        applied_generation: entry.applied_generation,
        needs_restart: !status.waits_for_start.is_empty(),
        waits_for_start: status.waits_for_start,
        drift: status.drift,
        power: power.into(),
        should_run: entry.should_run,
        guest_agent: status.guest_agent,
        error: away.unwrap_or(status.error),
        doing: status.doing,
        progress: status.progress,
        volumes,
        buried: entry.tombstone.is_some(),
        server_uuid: entry.server_uuid,
    })
}

pub fn power(agent: &Agent, entry: &Entry, state: State) -> proto::Power {
    match state {
        State::Off { .. } if revive::has_died(entry, &agent.boot_id, state) => proto::Power::Crashed,
        State::Absent => proto::Power::Absent,
        State::Off { .. } => proto::Power::Off,
        State::Running => proto::Power::Running,
        State::Paused => proto::Power::Paused,
        State::ShuttingDown => proto::Power::ShuttingDown,
        State::Crashed => proto::Power::Crashed,
    }
}
