//! The audit log: every change, append-only.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::Value;

use crate::{Micros, StoreError, Tx, entity::audit_entry};

/// One change. `before` and `after` hold no secrets.
#[derive(Clone, Debug)]
pub struct NewEntry {
    pub at: Micros,
    pub actor_kind: String,
    pub actor_id: Option<i64>,
    pub user_id: Option<i64>,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub action: String,
    pub subject_kind: String,
    pub subject_id: Option<i64>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl NewEntry {
    /// Something that the control server did by itself.
    pub fn system(at: Micros, action: &str, subject_kind: &str, subject_id: i64) -> Self {
        Self {
            at,
            actor_kind: "system".to_owned(),
            actor_id: None,
            user_id: None,
            address: None,
            request_id: None,
            action: action.to_owned(),
            subject_kind: subject_kind.to_owned(),
            subject_id: Some(subject_id),
            before: None,
            after: None,
        }
    }
}

pub async fn record(tx: &Tx, new: NewEntry) -> Result<(), StoreError> {
    let NewEntry {
        at,
        actor_kind,
        actor_id,
        user_id,
        address,
        request_id,
        action,
        subject_kind,
        subject_id,
        before,
        after,
    } = new;
    let row = audit_entry::ActiveModel {
        at: Set(at),
        actor_kind: Set(actor_kind),
        actor_id: Set(actor_id),
        user_id: Set(user_id),
        address: Set(address),
        request_id: Set(request_id),
        action: Set(action),
        subject_kind: Set(subject_kind),
        subject_id: Set(subject_id),
        before: Set(before),
        after: Set(after),
        ..Default::default()
    };
    audit_entry::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Which entries are wanted; what is left out matches every entry.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub action: Option<String>,
    pub subject_kind: Option<String>,
    pub subject_id: Option<i64>,
    pub user_id: Option<i64>,
    /// Of the actor, which is a token where there is a user.
    pub actor_id: Option<i64>,
    pub request_id: Option<String>,
    /// Both ends are included.
    pub since: Option<Micros>,
    pub until: Option<Micros>,
}

/// Newest first, and how many there are.
pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<audit_entry::Model>, u64), StoreError> {
    use audit_entry::Column;
    let Filter { action, subject_kind, subject_id, user_id, actor_id, request_id, since, until } = filter;
    let condition = Condition::all()
        .add_option(action.as_ref().map(|action| Column::Action.eq(action)))
        .add_option(subject_kind.as_ref().map(|kind| Column::SubjectKind.eq(kind)))
        .add_option(subject_id.map(|id| Column::SubjectId.eq(id)))
        .add_option(user_id.map(|id| Column::UserId.eq(id)))
        .add_option(actor_id.map(|id| Column::ActorId.eq(id)))
        .add_option(request_id.as_ref().map(|id| Column::RequestId.eq(id)))
        .add_option(since.map(|at| Column::At.gte(at)))
        .add_option(until.map(|at| Column::At.lte(at)));
    let query = audit_entry::Entity::find().filter(condition);
    let total = query.clone().count(db).await?;
    Ok((query.order_by_desc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}
