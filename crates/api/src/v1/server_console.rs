//! Consoles of a server: how to reach them, once.

use serde::Serialize;
use utoipa::ToSchema;

/// `GET /servers/{serverId}/vnc`
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VncAccess {
    pub vnc: Vnc,
}

/// `POST /servers/{serverId}/vnc`
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VncSwitched {
    pub vnc: Vnc,
    /// Always null: the change needs no work on the node.
    pub queue_id: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Vnc {
    pub ip: String,
    pub hostname: Option<String>,
    pub port: u16,
    /// For RFB; eight characters.
    pub password: String,
    pub wss: ConsoleSocket,
    pub enabled: bool,
}

/// A WebSocket that opens once, within 60 seconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ConsoleSocket {
    pub token: String,
    /// Relative to the panel's address.
    pub url: String,
}

/// `POST /servers/{serverId}/console`: the serial console.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SerialConsole {
    pub wss: ConsoleSocket,
}
