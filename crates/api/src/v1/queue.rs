//! An item of the queue, with its steps.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueItem {
    pub id: i64,
    /// The job's UUID.
    pub job_id: String,
    /// The kind of work.
    pub job: String,
    pub hypervisor_id: Option<i64>,
    pub server_id: Option<i64>,
    /// `build_server`, `boot_server` and so on.
    pub action: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub queue: String,
    /// The step that it is at, or ended with.
    pub step: String,
    /// How often that step was tried before without coming to its end.
    pub attempt: i32,
    /// When it is tried or looked at next, while it waits.
    pub next_attempt: Option<String>,
    /// Somebody called it off; it stops after the step that runs.
    pub cancel_requested: bool,
    pub created: String,
    /// Until it has begun, when it was queued.
    pub started: String,
    pub updated: String,
    /// Set when it has ended, well or not.
    pub finished: Option<String>,
    pub failed: bool,
    /// 0 to 100.
    pub progress: i32,
    pub errors: QueueErrors,
    /// The steps that were taken, oldest first.
    pub primary_actions: Vec<QueueAction>,
    pub sub_actions: Vec<QueueAction>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QueueErrors {
    pub exception: QueueException,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QueueException {
    pub stringable: bool,
    pub errors: Vec<String>,
    pub r#type: Option<String>,
    pub trace: Option<String>,
    /// What happened and what to do, in sentences.
    pub message: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueAction {
    /// The step.
    pub r#type: String,
    /// `object`.
    pub data_type: String,
    pub data: Value,
    pub created: String,
    pub updated: String,
}
