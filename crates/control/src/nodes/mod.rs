//! Connections to the agents of the nodes. Jobs, the console door and the watchers use them; actions never do.

mod client;
pub mod console;
mod image;

pub mod op;
mod poll;
pub mod watch;

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use berth_proto::node_client::NodeClient;
use berth_store::{entity::hypervisor, hypervisor as nodes_store};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::jobs::{Run, StepError};
pub use client::Node;
pub use image::{MAX_IMAGE_BYTES, MAX_VIRTUAL_BYTES, image_file_name, iso_file_name};
pub use poll::Poll;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A call that moves no image and streams nothing.
pub const CALL_LIMIT: Duration = Duration::from_secs(20);
/// All filters of a node, written anew.
pub const FILTERS_LIMIT: Duration = Duration::from_secs(120);
/// An image that a node is given in one call.
pub const IMAGE_LIMIT: Duration = Duration::from_secs(900);
const MESSAGE_LIMIT_BYTES: usize = 16 << 20;

/// What the control server shows to nodes, and what their certificates must chain to.
#[derive(Clone)]
pub struct ClientIdentity {
    pub certificate_pem: String,
    pub key_pem: String,
    pub authority_pem: String,
}

/// One channel for each node; channels connect when they are used and again when they were cut.
#[derive(Default)]
pub struct Nodes {
    identity: OnceLock<ClientIdentity>,
    channels: Mutex<HashMap<i64, (String, Channel)>>,
}

/// Why a node did not do what it was asked; each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("The node {node} can't be reached: {why}.")]
    Away { node: String, why: String },
    #[error("The node {node} refused: {why}.")]
    Refused { node: String, why: String },
    /// It knows that generation of a specification with another content.
    #[error("The node {node} refused: {why}.")]
    Changed { node: String, why: String },
    #[error("{0}")]
    Here(String),
}

impl NodeError {
    /// Whether the same call can work later.
    pub fn may_pass(&self) -> bool {
        !matches!(self, NodeError::Refused { .. } | NodeError::Changed { .. })
    }

    pub fn from_status(node: &str, status: &tonic::Status) -> Self {
        use tonic::Code;
        let why = reason(status);
        match status.code() {
            Code::InvalidArgument | Code::FailedPrecondition | Code::PermissionDenied => {
                NodeError::Refused { node: node.to_owned(), why }
            }
            Code::Unimplemented => {
                let why = "its agent is of a release that does not know this; upgrade it".to_owned();
                NodeError::Refused { node: node.to_owned(), why }
            }
            Code::AlreadyExists => NodeError::Changed { node: node.to_owned(), why },
            _ => NodeError::Away { node: node.to_owned(), why },
        }
    }
}

/// What the node said, or why nothing was heard: a transport's error says so only in its causes.
fn reason(status: &tonic::Status) -> String {
    let mut why = status.message().trim_end_matches('.').to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let text = error.to_string();
        if !why.contains(&text) {
            why = format!("{why}: {text}");
        }
        cause = error.source();
    }
    why
}

impl Nodes {
    pub fn new(identity: ClientIdentity) -> Self {
        Self { identity: OnceLock::from(identity), channels: Mutex::default() }
    }

    /// A client for the node; connects lazily.
    pub fn client(&self, row: &hypervisor::Model) -> Result<NodeClient<Channel>, NodeError> {
        let address = endpoint_address(&row.ip, row.port);
        let mut channels = self.channels.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = channels.get(&row.id).filter(|(of, _)| *of == address).map(|(_, channel)| channel.clone());
        let channel = match known {
            Some(channel) => channel,
            None => {
                let channel = self.connect(row, &address)?;
                channels.insert(row.id, (address, channel.clone()));
                channel
            }
        };
        Ok(client_over(channel))
    }

    /// A client whose connection nothing was sent over before.
    pub fn new_client(&self, row: &hypervisor::Model) -> Result<NodeClient<Channel>, NodeError> {
        Ok(client_over(self.connect(row, &endpoint_address(&row.ip, row.port))?))
    }

    fn connect(&self, row: &hypervisor::Model, address: &str) -> Result<Channel, NodeError> {
        let here =
            |why: String| NodeError::Here(format!("The connection to the node {} can't be set up: {why}.", row.name));
        let identity = self.identity.get().ok_or_else(|| here("there is no client certificate".to_owned()))?;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&identity.authority_pem))
            .identity(Identity::from_pem(&identity.certificate_pem, &identity.key_pem))
            .domain_name(tls_name(&row.uuid));
        let endpoint = Endpoint::from_shared(address.to_owned())
            .and_then(|endpoint| endpoint.tls_config(tls))
            .map_err(|error| here(error.to_string()))?;
        let endpoint = endpoint
            .connect_timeout(CONNECT_LIMIT)
            .http2_keep_alive_interval(Duration::from_secs(15))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        Ok(endpoint.connect_lazy())
    }
}

fn client_over(channel: Channel) -> NodeClient<Channel> {
    NodeClient::new(channel)
        .max_decoding_message_size(MESSAGE_LIMIT_BYTES)
        .max_encoding_message_size(MESSAGE_LIMIT_BYTES)
}

/// The name in a node's certificate that the control server asks for.
pub fn tls_name(node_uuid: &uuid::Uuid) -> String {
    format!("{node_uuid}.node.berth")
}

fn endpoint_address(ip: &str, port: i32) -> String {
    if ip.contains(':') { format!("https://[{ip}]:{port}") } else { format!("https://{ip}:{port}") }
}

impl Run {
    /// The node of the job's server.
    pub async fn node(&self) -> Result<Node, StepError> {
        Ok(Node::new(&self.ctx.nodes, self.node_row().await?)?)
    }

    /// The same over a new connection.
    pub async fn node_anew(&self) -> Result<Node, StepError> {
        Ok(Node::anew(&self.ctx.nodes, self.node_row().await?)?)
    }

    async fn node_row(&self) -> Result<hypervisor::Model, StepError> {
        let id = self.job.hypervisor_id.ok_or_else(|| StepError::Fatal("The job has no node.".to_owned()))?;
        let row = nodes_store::by_id(self.ctx.store.read(), id).await?;
        row.ok_or_else(|| StepError::Fatal("The node is not registered any more.".to_owned()))
    }
}
