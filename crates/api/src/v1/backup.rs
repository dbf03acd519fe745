//! Backups of a server as the Global API writes them, and plans by which they are to be made.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerBackup {
    pub id: i64,
    pub server_id: i64,
    pub storage: ServerBackupStorage,
    pub deleting: bool,
    pub restoring: bool,
    /// Whether it is being made.
    pub progress: bool,
    pub complete: bool,
    /// Null: it is kept until somebody deletes it.
    pub delete_after: Option<String>,
    pub created: String,
    pub updated: String,
}

/// Where a backup lies.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerBackupStorage {
    pub id: i64,
    pub name: String,
    pub enabled: bool,
}

/// When backups of a server are to be made, and how many of them are kept.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BackupPlan {
    pub id: i64,
    pub name: String,
    /// Days of the week, 1 Monday to 7 Sunday, in order.
    pub days: Vec<i32>,
    /// `HH:MM` in UTC.
    pub time: String,
    /// Backups of a server that are kept.
    pub keep: i32,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateBackupPlan {
    /// 1 to 100 characters, unique.
    pub name: String,
    /// Days of the week, 1 Monday to 7 Sunday; every day by default.
    #[serde(default, deserialize_with = "lenient::option_array_i64")]
    pub days: Option<Vec<i64>>,
    /// `HH:MM` in UTC, by default `03:00`.
    #[serde(default, deserialize_with = "lenient::option_text")]
    pub time: Option<String>,
    /// Backups of a server that are kept, 1 to 1000; by default 7.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub keep: Option<i64>,
}

/// What is to change of a plan; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateBackupPlan {
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub days: Option<Vec<i64>>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub time: Option<String>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub keep: Option<i64>,
}
