//! Mail that is to be sent: written in the transaction of what it tells, sent afterwards, at least once.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::mail::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewMail {
    pub uuid: Uuid,
    pub user_id: i64,
    pub kind: &'static str,
    pub recipient: String,
    pub subject: String,
    pub body_enc: String,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewMail) -> Result<Model, StoreError> {
    let NewMail { uuid, user_id, kind, recipient, subject, body_enc, now } = new;
    let row = ActiveModel {
        id: NotSet,
        uuid: Set(uuid),
        user_id: Set(user_id),
        kind: Set(kind.to_owned()),
        recipient: Set(recipient),
        subject: Set(subject),
        body_enc: Set(Some(body_enc)),
        attempts: Set(0),
        due_at: Set(Some(now)),
        sent_at: Set(None),
        error: Set(None),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// Those whose time has come, the oldest first.
pub async fn due(db: &impl Db, now: Micros, limit: u64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::DueAt.lte(now)).order_by_asc(Column::DueAt).limit(limit).all(db).await?)
}

/// Counts an attempt, and keeps others from it until `until`; false where another was first.
pub async fn claim(tx: &Tx, mail: &Model, until: Micros) -> Result<bool, StoreError> {
    let claimed = Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(until))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.eq(mail.id))
        .filter(Column::DueAt.eq(mail.due_at))
        .exec(tx)
        .await?;
    Ok(claimed.rows_affected == 1)
}

pub async fn sent(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        sent_at: Set(Some(now)),
        due_at: Set(None),
        body_enc: Set(None),
        error: Set(None),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// How many of a kind a user was written since.
pub async fn written(db: &impl Db, user_id: i64, kind: &str, since: Micros) -> Result<u64, StoreError> {
    let letters = Entity::find().filter(Column::CreatedAt.gte(since)).filter(Column::UserId.eq(user_id));
    Ok(letters.filter(Column::Kind.eq(kind)).count(db).await?)
}

/// With the time of the next attempt, or without one: then it is given up, and its text goes.
pub async fn failed(tx: &Tx, id: i64, error: &str, next: Option<Micros>) -> Result<(), StoreError> {
    let mut row = ActiveModel { due_at: Set(next), error: Set(Some(error.to_owned())), ..Default::default() };
    if next.is_none() {
        row.body_enc = Set(None);
    }
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// The newest first, and how many there are.
pub async fn page(db: &impl Db, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let total = Entity::find().count(db).await?;
    let rows = Entity::find().order_by_desc(Column::Id).offset(offset).limit(limit).all(db).await?;
    Ok((rows, total))
}

/// Forgets those that were written before and are not to be tried any more.
pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::CreatedAt.lt(before)).filter(Column::DueAt.is_null()).exec(tx).await?;
    Ok(())
}
