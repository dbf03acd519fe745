//! Work on a server: what was ordered, and what becomes of it.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Task {
    /// A UUID.
    pub id: String,
    /// `build_server`, `boot_server` and so on.
    pub action: String,
    /// `queued`, `running`, `complete`, `failed` or `cancelled`.
    pub status: String,
    /// 0 to 100.
    pub progress: i32,
    /// The step that it is at.
    pub step: String,
    /// It has ended, one way or another.
    pub completed: bool,
    /// It has ended well.
    pub success: bool,
    /// Why it failed, or what it waits for.
    pub message: Option<String>,
    pub created: String,
    /// When it was ordered, where it has not begun.
    pub started: String,
    pub updated: String,
    pub finished: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TaskWithSteps {
    #[serde(flatten)]
    pub task: Task,
    /// Those that were tried, the newest 200.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Step {
    pub step: String,
    pub success: bool,
    pub at: String,
}

/// Something that was ordered.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Ordered {
    pub task: OrderedTask,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OrderedTask {
    /// A UUID, for `GET /server/{id}/tasks/{taskId}`.
    pub id: String,
    pub status: String,
}

/// A build, or a new password.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OrderedPassword {
    pub task: OrderedTask,
    /// Of the guest's administrator once the task has ended; shown once.
    pub password: String,
}
