//! One node, with its calls: each has a time limit, and an error that says which node.

use std::time::Duration;

use berth_proto::{self as proto, node_client::NodeClient};
use berth_store::entity::hypervisor;
use tonic::{Request, transport::Channel};

use super::{CALL_LIMIT, FILTERS_LIMIT, NodeError, Nodes};
use crate::trail::Trail;

pub struct Node {
    pub row: hypervisor::Model,
    pub(super) client: NodeClient<Channel>,
}

/// A request with its limit, and with what it belongs to.
pub(super) fn limited<T>(message: T, limit: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    Trail::here().tell(request.metadata_mut());
    request
}

impl Node {
    pub fn new(nodes: &Nodes, row: hypervisor::Model) -> Result<Self, NodeError> {
        let client = nodes.client(&row)?;
        Ok(Self { row, client })
    }

    /// Runs a call under a limit of its own too: a channel that never connects would wait for ever.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, NodeError> {
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(NodeError::from_status(&self.row.name, &status)),
            Err(_) => {
                let why = format!("no answer within {} s", limit.as_secs());
                Err(NodeError::Away { node: self.row.name.clone(), why })
            }
        }
    }

    /// Over a connection of its own, not the one that is kept.
    pub fn anew(nodes: &Nodes, row: hypervisor::Model) -> Result<Self, NodeError> {
        let client = nodes.new_client(&row)?;
        Ok(Self { row, client })
    }

    pub async fn set_networks(&self, request: proto::SetNetworksRequest) -> Result<proto::NetworksReply, NodeError> {
        self.within(CALL_LIMIT, self.client.clone().set_networks(limited(request, CALL_LIMIT))).await
    }

    pub async fn confirm_networks(&self, change_id: &str) -> Result<proto::NetworksReply, NodeError> {
        let request = proto::ConfirmNetworksRequest { change_id: change_id.to_owned() };
        self.within(CALL_LIMIT, self.client.clone().confirm_networks(limited(request, CALL_LIMIT))).await
    }

    pub async fn hello(&self, cluster_uuid: &str) -> Result<proto::HelloReply, NodeError> {
        let request = proto::HelloRequest {
            control_version: berth_api::VERSION.to_owned(),
            protocol_min: *proto::PROTOCOL_VERSIONS.start(),
            protocol_max: *proto::PROTOCOL_VERSIONS.end(),
            cluster_uuid: cluster_uuid.to_owned(),
        };
        let reply = self.within(CALL_LIMIT, self.client.clone().hello(limited(request, CALL_LIMIT))).await?;
        if proto::PROTOCOL_VERSIONS.contains(&reply.protocol) {
            return Ok(reply);
        }
        let why = format!("it speaks version {} of the protocol, and this control server does not", reply.protocol);
        Err(NodeError::Refused { node: self.row.name.clone(), why })
    }

    pub async fn apply(&self, fence: proto::Fence, spec: proto::ServerSpec) -> Result<(), NodeError> {
        let request = proto::ApplyRequest { fence: Some(fence), spec: Some(spec) };
        self.within(CALL_LIMIT, self.client.clone().apply(limited(request, CALL_LIMIT))).await?;
        Ok(())
    }

    pub async fn evict(
        &self,
        fence: proto::Fence,
        server_uuid: &str,
        cluster_epoch: u64,
        generation: u64,
    ) -> Result<proto::EvictReply, NodeError> {
        let request =
            proto::EvictRequest { fence: Some(fence), server_uuid: server_uuid.to_owned(), cluster_epoch, generation };
        self.within(CALL_LIMIT, self.client.clone().evict(limited(request, CALL_LIMIT))).await
    }

    /// What the node sees of a server, if it knows it.
    pub async fn observe(&self, server_uuid: &str) -> Result<Option<proto::ObservedServer>, NodeError> {
        let request = proto::ObserveRequest { server_uuids: vec![server_uuid.to_owned()] };
        let reply = self.within(CALL_LIMIT, self.client.clone().observe(limited(request, CALL_LIMIT))).await?;
        Ok(reply.servers.into_iter().find(|server| server.server_uuid == server_uuid))
    }

    /// What the node sees of all that it has.
    pub async fn observe_all(&self) -> Result<proto::ObserveReply, NodeError> {
        let request = proto::ObserveRequest::default();
        self.within(CALL_LIMIT, self.client.clone().observe(limited(request, CALL_LIMIT))).await
    }

    /// Starts the node's test of this id, or asks how far it is.
    pub async fn selftest(&self, test_id: &str) -> Result<proto::SelftestReply, NodeError> {
        let request = proto::SelftestRequest { test_id: test_id.to_owned() };
        self.within(CALL_LIMIT, self.client.clone().selftest(limited(request, CALL_LIMIT))).await
    }

    /// The node writes the filters of all of its servers anew; answers what came of each.
    pub async fn regenerate_filters(&self) -> Result<proto::RegenerateFiltersReply, NodeError> {
        let request = limited(proto::RegenerateFiltersRequest {}, FILTERS_LIMIT);
        self.within(FILTERS_LIMIT, self.client.clone().regenerate_filters(request)).await
    }

    /// Why the node could not define a server by this specification; none where it could.
    pub async fn validate(&self, spec: proto::ServerSpec) -> Result<Option<String>, NodeError> {
        let request = proto::ValidateRequest { spec: Some(spec) };
        let reply = self.within(CALL_LIMIT, self.client.clone().validate(limited(request, CALL_LIMIT))).await?;
        Ok(Some(reply.error).filter(|error| !error.is_empty()))
    }

    /// The node may forget all ISO images but these; answers the digests of those that it did.
    pub async fn prune_isos(&self, keep: Vec<String>) -> Result<Vec<String>, NodeError> {
        let request = proto::PruneIsosRequest { keep };
        let reply = self.within(CALL_LIMIT, self.client.clone().prune_isos(limited(request, CALL_LIMIT))).await?;
        Ok(reply.removed)
    }

    pub async fn start_op(&self, request: proto::DoRequest) -> Result<proto::DoReply, NodeError> {
        self.within(CALL_LIMIT, self.client.clone().r#do(limited(request, CALL_LIMIT))).await
    }
}
