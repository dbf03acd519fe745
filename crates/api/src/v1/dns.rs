//! DNS servers, zones and names of addresses as the Global API writes them, and as Berth takes them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::lenient;

/// A server that keeps names of addresses.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsService {
    pub id: i64,
    /// 2: PowerDNS.
    pub r#type: i32,
    pub name: String,
    /// How the server calls itself in its API; PowerDNS has no users.
    pub username: String,
    pub url: String,
    /// Of `url`, where that names an address.
    pub ip: Option<String>,
    pub port: u16,
    /// The API key as it is stored: sealed, of no use to anybody without the installation's key.
    pub password: String,
    #[schema(value_type = Object)]
    pub config: Value,
    pub sub_account: bool,
    /// A sum: 1 names of addresses.
    pub capabilities: i32,
    pub enabled: bool,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateDnsService {
    /// 3 to 100 characters, unique.
    pub name: String,
    /// Of the API, `http` or `https`, without a path: `http://192.0.2.53:8081`.
    pub url: String,
    /// 1 to 200 printable characters.
    pub api_key: String,
    /// How PowerDNS calls itself in its API, by default `localhost`.
    #[serde(default)]
    pub server_name: Option<String>,
}

/// What is left out stays as it is.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ModifyDnsService {
    pub name: Option<String>,
    pub url: Option<String>,
    pub api_key: Option<String>,
    pub server_name: Option<String>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
}

/// A zone, and the addresses whose names are in it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RdnsZone {
    pub id: i64,
    pub service_id: i64,
    /// Without the last dot.
    pub name: String,
    /// As a network: `192.0.2.0/24`.
    pub network: String,
    /// Seconds.
    pub ttl: i32,
    pub enabled: bool,
    /// Names in it.
    pub records: u64,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRdnsZone {
    #[serde(deserialize_with = "lenient::i64")]
    pub service_id: i64,
    /// The addresses whose names are in it: IPv4 or IPv6, `192.0.2.0/24`.
    pub network: String,
    /// Where it is not what RFC 1035, 3596 or 2317 call the zone of that network.
    #[serde(default)]
    pub name: Option<String>,
    /// 60 to 604,800 seconds, by default 3,600.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub ttl: Option<i64>,
}

/// What is left out stays as it is.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ModifyRdnsZone {
    #[serde(deserialize_with = "lenient::option_i64")]
    pub ttl: Option<i64>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameAddress {
    /// One that a server holds: its IPv4 address, or any in its IPv6 subnets.
    pub address: String,
    /// A host name; `null` clears it.
    #[serde(deserialize_with = "Option::deserialize")]
    pub ptr: Option<String>,
}

/// What an address is called.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressName {
    pub address: String,
    /// `null` while it is being cleared.
    pub ptr: Option<String>,
    pub server_id: i64,
    pub zone_id: i64,
    /// `pending`, `done` or `failed`.
    pub state: String,
    /// A sentence, where it failed.
    pub error: Option<String>,
    /// Whether the name leads back to the address; `null` until it was looked up.
    pub forward_confirmed: Option<bool>,
    pub checked: Option<String>,
}

/// The wish is kept, and the queue item writes it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressNamed {
    #[serde(flatten)]
    pub name: AddressName,
    pub queue_id: i64,
}
