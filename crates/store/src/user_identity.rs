//! Who of the staff is who at an OpenID Connect provider: kept at the first login, and looked up at every other.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, ModelTrait, QueryFilter, QueryOrder,
    prelude::Expr,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::user_identity::{ActiveModel, Column, Entity, Model},
};

pub async fn insert(tx: &Tx, user_id: i64, issuer: &str, subject: &str, now: Micros) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        issuer: Set(issuer.to_owned()),
        subject: Set(subject.to_owned()),
        used_at: Set(now),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

pub async fn by_subject(db: &impl Db, issuer: &str, subject: &str) -> Result<Option<Model>, StoreError> {
    let found = Entity::find().filter(Column::Issuer.eq(issuer)).filter(Column::Subject.eq(subject));
    Ok(found.one(db).await?)
}

/// A user's, the newest first.
pub async fn of_user(db: &impl Db, user_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::UserId.eq(user_id)).order_by_desc(Column::Id).all(db).await?)
}

/// Notes a login.
pub async fn touch(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    Entity::update_many().col_expr(Column::UsedAt, Expr::value(now)).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Forgets one of a user's; the one that was, if it was theirs.
pub async fn remove(tx: &Tx, user_id: i64, id: i64) -> Result<Option<Model>, StoreError> {
    let found = Entity::find_by_id(id).filter(Column::UserId.eq(user_id)).one(tx).await?;
    if let Some(row) = &found {
        row.clone().delete(tx).await?;
    }
    Ok(found)
}

pub async fn of_user_gone(tx: &Tx, user_id: i64) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(tx).await?;
    Ok(())
}
