//! Sharing a server with other users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that may be done with a server. An owner may do all of it, and more that can't be given.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// See it. Whoever may do anything may do this.
    View,
    /// Boot, shut down, restart, power off.
    Power,
    /// Its screen and its serial console.
    Console,
    /// Build it anew, which shows the new password.
    Rebuild,
    /// Give its administrator a new password.
    Password,
    /// Call it something else.
    Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShareState {
    /// It can be accepted. Whether there is an account with that address is not told.
    Invited,
    /// It could be accepted until two weeks after it was made.
    Expired,
    Accepted,
}

/// Somebody who uses a server of one's own, or is invited to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Share {
    pub id: i64,
    /// That was invited.
    pub email: String,
    /// Of whoever accepted.
    pub name: Option<String>,
    pub state: ShareState,
    pub rights: Vec<Right>,
    pub created: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Of an account here.
    pub email: String,
    /// `view` comes with each other.
    #[serde(default)]
    pub rights: Vec<Right>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeShare {
    /// All of them; what is left out is taken away.
    pub rights: Vec<Right>,
}

/// To use somebody's server.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    pub id: i64,
    /// What the server is called; empty before it is built.
    pub server: String,
    /// Whose it is.
    pub owner: String,
    pub owner_email: String,
    pub rights: Vec<Right>,
    /// Until when it can be accepted.
    pub expires: String,
}
