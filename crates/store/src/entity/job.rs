//! Durable work, one row a job; the queue of the Global API.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub kind: String,
    /// As the queue shows it: `build_server`, `boot_server`, `delete_server`.
    pub action: String,
    pub server_id: Option<i64>,
    pub hypervisor_id: Option<i64>,
    /// One job of a server and lane runs at a time; so far all are in lane 0.
    pub lane: i32,
    /// Owns its server: others get 423.
    pub exclusive: bool,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    pub step: String,
    pub payload: Json,
    pub result: Json,
    /// Of the current step.
    pub attempt: i32,
    pub run_at: i64,
    pub deadline_at: i64,
    pub lease_until: Option<i64>,
    /// Grows with each claim of any job.
    pub lease_token: i64,
    pub lease_owner: Option<String>,
    pub progress: i32,
    /// A sentence.
    pub error: Option<String>,
    pub cancel_requested: bool,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
