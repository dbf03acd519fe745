//! What one may create by one's own right, and what is ordered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::tokens::Tokens;

/// An amount of tokens, and what it is in one's currency.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Amount {
    pub tokens: Tokens,
    /// A decimal number; null where there is no currency.
    pub value: Option<String>,
}

/// What stands before and after amounts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OwnCurrency {
    pub code: String,
    pub prefix: String,
    pub suffix: String,
}

/// All that one may create.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shop {
    pub currency: Option<OwnCurrency>,
    pub credit: Amount,
    /// Whether credit is needed before a server is created by the hour.
    pub prepaid: bool,
    pub offers: Vec<Offer>,
    /// One's resource packs.
    pub packs: Vec<OwnPack>,
    /// What bounds one's servers by the hour together.
    pub hourly_pack: Option<OwnPack>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OfferKind {
    /// Paid by the hour.
    Hourly,
    /// Within a resource pack.
    Pack,
}

/// What one group profile allows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    pub id: i64,
    pub name: String,
    pub kind: OfferKind,
    /// Servers that may still be created by it; null where there is no limit.
    pub servers_left: Option<i64>,
    pub locations: Vec<Location>,
    pub sizes: Vec<Size>,
}

/// A group of nodes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Location {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    /// A file below `/img/logo/`.
    pub icon: Option<String>,
}

/// A package.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    pub cpu_cores: i64,
    pub memory_mb: i64,
    pub disk_gb: i64,
    /// A month; 0 is no limit.
    pub traffic_gb: i64,
    /// Null within a resource pack, which is paid elsewhere.
    pub hour: Option<Amount>,
    pub month: Option<Amount>,
}

/// A size that a server has, or may get.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSize {
    #[serde(flatten)]
    pub size: Size,
    /// Whether it is what the server has now.
    pub current: bool,
    /// Whether its disk is smaller than the server's, which can't shrink.
    pub too_small: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSizes {
    pub currency: Option<OwnCurrency>,
    pub sizes: Vec<NewSize>,
}

/// A resource pack.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnPack {
    pub id: i64,
    pub name: String,
    /// Whether servers may be created in it.
    pub enabled: bool,
    pub servers: PackUse,
    pub memory_mb: PackUse,
    pub disk_gb: PackUse,
    pub cpu_cores: PackUse,
    pub traffic_gb: PackUse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PackUse {
    pub used: i64,
    /// 0 is no limit.
    pub total: i64,
    /// Of one server; 0 is no limit.
    pub most: i64,
}

/// A server that one creates.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewServerOrder {
    /// Up to 63 printable characters.
    pub name: String,
    /// A host name (RFC 1123); without it the system has none of its own.
    #[serde(default)]
    pub hostname: Option<String>,
    /// A location's.
    pub location_id: i64,
    /// A size's.
    pub size_id: i64,
    /// The resource pack that it is to be in; without one it is paid by the hour.
    #[serde(default)]
    pub pack_id: Option<i64>,
    pub template_id: i64,
    /// Ids of one's own keys.
    #[serde(default)]
    pub ssh_keys: Vec<i64>,
}

/// A server whose build is queued.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NewServer {
    pub uuid: String,
    /// Of the guest's administrator; shown once.
    pub password: String,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resize {
    pub size_id: i64,
}
