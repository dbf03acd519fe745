//! ISO images as the Global API writes them, and as Berth takes them; what is in a server's drive.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::server::ServerMedia;
use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Iso {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    /// 1 x86_64, 2 aarch64.
    pub arch: i32,
    /// Where nodes fetch it; null where it was uploaded.
    pub url: Option<String>,
    pub filename: String,
    /// Only then it can be mounted.
    pub enabled: bool,
    /// An empty list, as text.
    pub config: String,
    /// For the servers of every owner; otherwise for those of `users`.
    pub global: bool,
    /// Whether nodes download it; otherwise the control server hands it over.
    pub download: bool,
    /// Ids of owners.
    pub users: Vec<i64>,
    pub created: String,
    pub updated: String,
    /// `sha256:<hex>`; empty until a node has fetched it, or it was uploaded. An addition of Berth's.
    pub digest: String,
    /// Bytes; 0 until that is known. An addition of Berth's.
    pub size: i64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateIso {
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// 1 x86_64 (the default), 2 aarch64.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub arch: Option<i64>,
    /// An https URL that ends in `.iso`, from which nodes fetch it. Without: the file is uploaded afterwards.
    #[serde(default)]
    pub url: Option<String>,
    /// By default the end of the URL's path.
    #[serde(default)]
    pub filename: Option<String>,
    /// Of what the URL has, `sha256:<hex>`. Without: what the first node finds is what every node must find.
    #[serde(default)]
    pub digest: Option<String>,
    /// By default true.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// By default true.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub global: Option<bool>,
    /// Ids of owners whose servers may have it where it is not global.
    #[serde(default, deserialize_with = "lenient::list_i64")]
    pub users: Vec<i64>,
}

/// What is left out stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeIso {
    #[serde(default)]
    pub name: Option<String>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub global: Option<bool>,
    #[serde(default, deserialize_with = "lenient::option_list_i64")]
    pub users: Option<Vec<i64>>,
}

/// Null is a value of its own here.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `POST /servers/{serverId}/media/iso`: one of the two.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MountIso {
    /// Of the library.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub iso_id: Option<i64>,
    /// An https URL that ends in `.iso`.
    #[serde(default)]
    pub url: Option<String>,
}

/// `GET /servers/{serverId}/media/iso`
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerIso {
    #[serde(flatten)]
    pub media: ServerMedia,
    /// What is in the drive, or on its way there; null where nothing is.
    pub iso_id: Option<i64>,
    /// The node does not have it yet; the queue says how far it is, or why not.
    pub pending: bool,
    /// What this server may have, at most 200.
    pub available: Vec<Iso>,
}
