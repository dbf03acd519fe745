//! The node's service over the host in memory.

use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

use berth_proto::{
    self as proto, console_open::Kind, do_reply, image_status, node_server::Node, selftest_check::Outcome,
    selftest_reply,
};
use futures::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{
    Call, Shared,
    console::{Screen, Terminal},
    figures,
};
use crate::{
    domain_xml,
    host::HostFacts,
    ledger::{OpState, Refusal},
    service::FEATURES,
};

pub(super) struct Service {
    pub shared: Arc<Shared>,
}

/// Of a console, in one direction.
const FRAME_BYTES: usize = 32 << 10;

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn refused(refusal: Refusal) -> Status {
    match refusal {
        Refusal::Changed(_) => Status::already_exists(refusal.to_string()),
        _ => Status::failed_precondition(refusal.to_string()),
    }
}

impl Service {
    /// Does `work`, with the faults that were ordered before and after it.
    async fn with_faults<T>(
        &self,
        call: Call,
        work: impl FnOnce(&Shared) -> Result<T, Status>,
    ) -> Result<Response<T>, Status> {
        let slow = self.shared.faults().slow;
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        self.shared.faults().before(call)?;
        let answer = work(&self.shared)?;
        self.shared.faults().after(call)?;
        Ok(Response::new(answer))
    }
}

fn token(fence: Option<&proto::Fence>) -> u64 {
    fence.map_or(0, |fence| fence.lease_token)
}

#[tonic::async_trait]
impl Node for Service {
    async fn hello(&self, _: Request<proto::HelloRequest>) -> Result<Response<proto::HelloReply>, Status> {
        self.with_faults(Call::Hello, |shared| {
            let (storage, timezone, security_driver, firewall) = {
                let host = shared.host();
                let (timezone, security_driver) = (host.timezone.clone(), host.security_driver.clone());
                (host.storages.clone(), timezone, security_driver, host.firewall.clone())
            };
            let facts = proto::NodeFacts {
                hostname: "simulated".to_owned(),
                arch: "x86_64".to_owned(),
                cpu_cores: 64,
                memory_mib: 1 << 20,
                accelerator: "qemu".to_owned(),
                accelerator_detail: "this node is simulated".to_owned(),
                storage,
                filesystems: vec!["ext4".to_owned(), "xfs".to_owned()],
                timezone,
                security_driver,
                firewall,
                ..Default::default()
            };
            Ok(proto::HelloReply {
                agent_version: env!("CARGO_PKG_VERSION").to_owned(),
                protocol: *proto::PROTOCOL_VERSIONS.end(),
                features: FEATURES.map(str::to_owned).to_vec(),
                node_uuid: shared.node_uuid.clone(),
                facts: Some(facts),
            })
        })
        .await
    }

    async fn apply(&self, request: Request<proto::ApplyRequest>) -> Result<Response<proto::ApplyReply>, Status> {
        let request = request.into_inner();
        let spec = request.spec.ok_or_else(|| Status::invalid_argument("there is no specification"))?;
        self.with_faults(Call::Apply, |shared| {
            let (lying, fails) = {
                let faults = shared.faults();
                (faults.lying, faults.applies_fail.is_some())
            };
            let mut host = shared.host();
            let (images, storages) = (host.images.clone(), host.storages.clone());
            let (server, token) = (host.server(&spec.server_uuid), token(request.fence.as_ref()));
            let taken =
                if fails { server.take(token, &spec) } else { server.apply(token, &spec, (&images, &storages), lying) };
            taken.map_err(refused)?;
            tracing::info!(server = spec.server_uuid, generation = spec.generation, "a specification was given");
            Ok(proto::ApplyReply {})
        })
        .await
    }

    async fn evict(&self, request: Request<proto::EvictRequest>) -> Result<Response<proto::EvictReply>, Status> {
        let request = request.into_inner();
        self.with_faults(Call::Evict, |shared| {
            let mut host = shared.host();
            let server = host.server(&request.server_uuid);
            let token = token(request.fence.as_ref());
            server.evict(token, request.cluster_epoch, request.generation).map_err(refused)?;
            Ok(proto::EvictReply { evicted: true, error: String::new() })
        })
        .await
    }

    async fn observe(&self, request: Request<proto::ObserveRequest>) -> Result<Response<proto::ObserveReply>, Status> {
        let named = request.into_inner().server_uuids;
        self.with_faults(Call::Observe, |shared| {
            let fails = shared.faults().applies_fail.clone().unwrap_or_default();
            let host = shared.host();
            let wanted = |uuid: &&String| named.is_empty() || named.contains(uuid);
            let servers = host.servers.keys().filter(wanted).filter_map(|uuid| {
                let server = host.servers.get(uuid)?;
                let is_behind = server.entry.applied_generation < server.entry.generation;
                let power = match (&server.applied, server.running) {
                    (None, _) => proto::Power::Absent,
                    (Some(_), true) => proto::Power::Running,
                    (Some(_), false) => proto::Power::Off,
                };
                Some(proto::ObservedServer {
                    server_uuid: uuid.clone(),
                    cluster_epoch: server.entry.cluster_epoch,
                    desired_generation: server.entry.generation,
                    applied_generation: server.entry.applied_generation,
                    power: power.into(),
                    should_run: server.entry.should_run,
                    guest_agent: server.running,
                    error: if is_behind { fails.clone() } else { String::new() },
                    waits_for_start: server.waits_for_start(),
                    buried: server.entry.tombstone.is_some(),
                    ..Default::default()
                })
            });
            Ok(proto::ObserveReply { servers: servers.collect(), unknown_domains: host.unknown_domains.clone() })
        })
        .await
    }

    async fn r#do(&self, request: Request<proto::DoRequest>) -> Result<Response<proto::DoReply>, Status> {
        let request = request.into_inner();
        self.with_faults(Call::Do, |shared| {
            let fail = shared.faults().ops_fail.clone();
            let mut host = shared.host();
            let server = host.server(&request.server_uuid);
            let record = server.op(token(request.fence.as_ref()), &request, fail.as_deref()).map_err(refused)?;
            let state = match record.state {
                OpState::Running => do_reply::State::Running,
                OpState::Done => do_reply::State::Done,
                OpState::Failed => do_reply::State::Failed,
            };
            Ok(proto::DoReply {
                state: state.into(),
                detail: record.detail,
                result: record.result.into_iter().collect(),
            })
        })
        .await
    }

    async fn ensure_image(
        &self,
        request: Request<proto::EnsureImageRequest>,
    ) -> Result<Response<proto::ImageStatus>, Status> {
        let request = request.into_inner();
        self.with_faults(Call::EnsureImage, |shared| {
            let mut host = shared.host();
            // What a URL has is known by the URL here.
            let digest = match (request.iso, request.digest.as_str()) {
                (true, "") => super::digest_of(&request.url),
                (_, digest) => digest.to_owned(),
            };
            // A download that takes no time.
            if !request.url.is_empty() {
                host.images.insert(digest.clone());
                host.isos.extend(request.iso.then(|| digest.clone()));
            }
            let there = host.images.contains(&digest);
            let state = if there { image_status::State::Ready } else { image_status::State::Missing };
            Ok(proto::ImageStatus { state: state.into(), digest, ..Default::default() })
        })
        .await
    }

    async fn put_image(
        &self,
        request: Request<Streaming<proto::PutImageChunk>>,
    ) -> Result<Response<proto::ImageStatus>, Status> {
        let mut chunks = request.into_inner();
        let (mut digest, mut is_iso) = (String::new(), false);
        let mut got_bytes = 0;
        while let Some(chunk) = chunks.message().await? {
            if let Some(head) = chunk.head {
                (digest, is_iso) = (head.digest, head.iso);
            }
            got_bytes += chunk.data.len() as u64;
        }
        self.with_faults(Call::PutImage, |shared| {
            let mut host = shared.host();
            host.images.insert(digest.clone());
            host.isos.extend(is_iso.then(|| digest.clone()));
            Ok(proto::ImageStatus { state: image_status::State::Ready.into(), got_bytes, digest, ..Default::default() })
        })
        .await
    }

    async fn validate(
        &self,
        request: Request<proto::ValidateRequest>,
    ) -> Result<Response<proto::ValidateReply>, Status> {
        let spec = request.into_inner().spec.ok_or_else(|| Status::invalid_argument("there is no specification"))?;
        // What the agent itself refuses, without a libvirt.
        self.with_faults(Call::Validate, |shared| {
            let facts = HostFacts { swtpm: !shared.host().without_tpms, ..super::host_facts() };
            let error = domain_xml::check(&spec, &facts).err().unwrap_or_default();
            Ok(proto::ValidateReply { error: crate::sentence(&error) })
        })
        .await
    }

    async fn prune_isos(
        &self,
        request: Request<proto::PruneIsosRequest>,
    ) -> Result<Response<proto::PruneIsosReply>, Status> {
        let mut keep = request.into_inner().keep;
        self.with_faults(Call::PruneIsos, |shared| {
            let mut host = shared.host();
            keep.extend(host.servers.values().filter_map(|server| server.entry.spec()).map(|spec| spec.iso_digest));
            let (kept, removed): (BTreeSet<_>, BTreeSet<_>) =
                std::mem::take(&mut host.isos).into_iter().partition(|digest| keep.contains(digest));
            host.isos = kept;
            host.images.retain(|digest| !removed.contains(digest));
            Ok(proto::PruneIsosReply { removed: removed.into_iter().collect(), freed_bytes: 0 })
        })
        .await
    }

    type WatchStream = Streamed<proto::Event>;

    async fn watch(&self, request: Request<proto::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let start = request.into_inner();
        let shared = Arc::clone(&self.shared);
        let (sender, receiver) = tokio::sync::mpsc::channel(16);
        tokio::spawn(async move {
            let (mut sequence, mut news) = (start.after_sequence, shared.news.subscribe());
            loop {
                let newer: Vec<_> =
                    shared.host().events.iter().filter(|event| event.sequence > sequence).cloned().collect();
                for event in newer {
                    sequence = event.sequence;
                    if sender.send(Ok(event)).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    changed = news.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                    () = shared.stop.cancelled() => return,
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn acknowledge(
        &self,
        request: Request<proto::AcknowledgeRequest>,
    ) -> Result<Response<proto::AcknowledgeReply>, Status> {
        let sequence = request.into_inner().sequence;
        self.shared.host().events.retain(|event| event.sequence > sequence);
        Ok(Response::new(proto::AcknowledgeReply {}))
    }

    type StatsStream = Streamed<proto::StatsSample>;

    async fn stats(&self, request: Request<proto::StatsRequest>) -> Result<Response<Self::StatsStream>, Status> {
        let interval = Duration::from_millis(request.into_inner().interval_ms.max(500).into());
        let shared = Arc::clone(&self.shared);
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            for tick in 0.. {
                let sample = {
                    let host = shared.host();
                    let is_silent = host.silent;
                    let stats = |(uuid, server): (&String, &super::SimServer)| {
                        let spec = server.applied.as_ref().filter(|_| host.lively && server.running);
                        proto::ServerStats {
                            server_uuid: uuid.clone(),
                            power: if server.running { proto::Power::Running } else { proto::Power::Off }.into(),
                            screen_png: spec.map(|_| figures::picture()).unwrap_or_default(),
                            ..spec.map(|spec| figures::of_guest(spec, tick)).unwrap_or_default()
                        }
                    };
                    let sample = proto::StatsSample {
                        servers: host.servers.iter().map(stats).collect(),
                        node: Some(host.node_stats()),
                        ..Default::default()
                    };
                    (!is_silent).then_some(sample)
                };
                if let Some(sample) = sample
                    && sender.send(Ok(sample)).await.is_err()
                {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    () = sender.closed() => return,
                    () = shared.stop.cancelled() => return,
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn selftest(
        &self,
        request: Request<proto::SelftestRequest>,
    ) -> Result<Response<proto::SelftestReply>, Status> {
        let id = request.into_inner().test_id;
        self.with_faults(Call::Selftest, |shared| {
            let why = shared.faults().storage_fails.clone();
            let mut host = shared.host();
            let storage = proto::SelftestCheck {
                name: "storage".to_owned(),
                outcome: if why.is_none() { Outcome::Passed } else { Outcome::Failed }.into(),
                detail: why.unwrap_or_else(|| "This node is simulated.".to_owned()),
                took_ms: 1,
                storage_kind: "directory".to_owned(),
                storage_location: String::new(),
            };
            let listed = host.storages.clone().into_iter().map(|root| proto::SelftestCheck {
                name: format!("storage {} {}", root.kind, root.path),
                outcome: if root.trouble.is_empty() { Outcome::Passed } else { Outcome::Failed }.into(),
                detail: if root.trouble.is_empty() { "This node is simulated.".to_owned() } else { root.trouble },
                storage_kind: root.kind,
                storage_location: root.path,
                ..storage.clone()
            });
            let checks: Vec<_> = std::iter::once(storage.clone()).chain(listed).collect();
            let asked = host.selftests.entry(id).or_default();
            *asked += 1;
            // Over when it is asked for the second time.
            let (state, checks) = match *asked {
                1 => (selftest_reply::State::Running, Vec::new()),
                _ => (selftest_reply::State::Done, checks),
            };
            Ok(proto::SelftestReply { state: state.into(), checks })
        })
        .await
    }

    async fn set_networks(
        &self,
        request: Request<proto::SetNetworksRequest>,
    ) -> Result<Response<proto::NetworksReply>, Status> {
        let request = request.into_inner();
        self.with_faults(Call::SetNetworks, |shared| {
            let state = shared.host().networks.set(request);
            Ok(proto::NetworksReply { state: state.into(), confirm_within_s: 60 })
        })
        .await
    }

    async fn confirm_networks(
        &self,
        request: Request<proto::ConfirmNetworksRequest>,
    ) -> Result<Response<proto::NetworksReply>, Status> {
        let request = request.into_inner();
        self.with_faults(Call::ConfirmNetworks, |shared| {
            let state = shared.host().networks.confirm(&request.change_id);
            Ok(proto::NetworksReply { state: state.into(), confirm_within_s: 60 })
        })
        .await
    }

    async fn regenerate_filters(
        &self,
        _: Request<proto::RegenerateFiltersRequest>,
    ) -> Result<Response<proto::RegenerateFiltersReply>, Status> {
        self.with_faults(Call::RegenerateFilters, |shared| {
            let error = shared.faults().filters_fail.clone().unwrap_or_default();
            let mut host = shared.host();
            let there = host.servers.iter().filter(|(_, server)| server.entry.tombstone.is_none());
            let written = there.filter_map(|(uuid, server)| {
                let spec = server.entry.spec()?;
                Some(proto::FilteredServer {
                    server_uuid: uuid.clone(),
                    generation: server.entry.generation,
                    interfaces: u32::try_from(spec.interfaces.len()).unwrap_or(u32::MAX),
                    error: error.clone(),
                })
            });
            let servers: Vec<_> = written.collect();
            let generations = servers.iter().map(|server| (server.server_uuid.clone(), server.generation));
            host.filtered = generations.collect();
            Ok(proto::RegenerateFiltersReply { servers, removed: 0 })
        })
        .await
    }

    type ConsoleStream = Streamed<proto::ConsoleFrame>;

    async fn console(
        &self,
        request: Request<Streaming<proto::ConsoleFrame>>,
    ) -> Result<Response<Self::ConsoleStream>, Status> {
        let mut frames = request.into_inner();
        let open = frames.message().await?.and_then(|frame| frame.open);
        let open = open.ok_or_else(|| Status::invalid_argument("the first message says which console"))?;
        if !self.shared.host().servers.get(&open.server_uuid).is_some_and(|server| server.running) {
            return Err(Status::failed_precondition("the server is off"));
        }
        let (sender, receiver) = tokio::sync::mpsc::channel(16);
        let (mut guest, first): (Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>, _) = if open.kind() == Kind::Serial {
            let (mut terminal, first) = Terminal::open();
            (Box::new(move |data| terminal.take(data)), first)
        } else {
            let (mut screen, first) = Screen::open();
            (Box::new(move |data| screen.take(data)), first)
        };
        tokio::spawn(async move {
            let mut said = first;
            loop {
                for piece in said.chunks(FRAME_BYTES) {
                    let frame = proto::ConsoleFrame { open: None, data: piece.to_vec() };
                    if sender.send(Ok(frame)).await.is_err() {
                        return;
                    }
                }
                let Ok(Some(frame)) = frames.message().await else { return };
                said = guest(&frame.data);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
