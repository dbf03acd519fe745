//! The audit log: every change, append-only.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait, QueryOrder, QuerySelect};
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

/// Newest first, and how many there are.
pub async fn page(
    db: &impl ConnectionTrait,
    offset: u64,
    limit: u64,
) -> Result<(Vec<audit_entry::Model>, u64), StoreError> {
    let query = audit_entry::Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_desc(audit_entry::Column::Id).offset(offset).limit(limit).all(db).await?, total))
}
