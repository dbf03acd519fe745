//! Second factors of logins, and the codes that stand in for them.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    prelude::Expr,
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        recovery_code,
        second_factor::{ActiveModel, Column, Entity, Model},
        user,
    },
};

#[derive(Clone, Debug)]
pub struct NewFactor {
    pub uuid: Uuid,
    pub user_id: i64,
    pub secret_enc: String,
    pub now: Micros,
}

/// A user's, asked for already or not yet.
pub async fn of_user(db: &impl Db, user_id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::UserId.eq(user_id)).one(db).await?)
}

/// One that is not asked for yet. An earlier one that never was goes; one that is violates `second_factors`.
pub async fn propose(tx: &Tx, new: NewFactor) -> Result<Model, StoreError> {
    let NewFactor { uuid, user_id, secret_enc, now } = new;
    let never = Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::ConfirmedAt.is_null());
    never.exec(tx).await?;
    let row = ActiveModel {
        id: NotSet,
        uuid: Set(uuid),
        user_id: Set(user_id),
        secret_enc: Set(secret_enc),
        last_step: Set(0),
        confirmed_at: Set(None),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// It is asked for from now on; whether it was not before.
pub async fn confirm(tx: &Tx, id: i64, user_id: i64, now: Micros) -> Result<bool, StoreError> {
    let confirmed = Entity::update_many()
        .col_expr(Column::ConfirmedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::ConfirmedAt.is_null());
    let is_new = confirmed.exec(tx).await?.rows_affected > 0;
    show(tx, user_id, true, now).await?;
    Ok(is_new)
}

/// Takes the code of a step; whether none of it or of a later one was taken before.
pub async fn take_step(tx: &Tx, id: i64, step: i64) -> Result<bool, StoreError> {
    let taken = Entity::update_many()
        .col_expr(Column::LastStep, Expr::value(step))
        .filter(Column::Id.eq(id))
        .filter(Column::LastStep.lt(step));
    Ok(taken.exec(tx).await?.rows_affected > 0)
}

/// With the codes that stand in for it.
pub async fn remove(tx: &Tx, user_id: i64, now: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(tx).await?;
    set_codes(tx, user_id, &[]).await?;
    show(tx, user_id, false, now).await
}

async fn show(tx: &Tx, user_id: i64, is_on: bool, now: Micros) -> Result<(), StoreError> {
    let shown = user::Entity::update_many()
        .col_expr(user::Column::TwoFactorAuth, Expr::value(is_on))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(user_id));
    shown.exec(tx).await?;
    Ok(())
}

/// The user's codes from now on.
pub async fn set_codes(tx: &Tx, user_id: i64, hashes: &[String]) -> Result<(), StoreError> {
    use recovery_code::{ActiveModel, Column, Entity};
    Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(tx).await?;
    for hash in hashes {
        let row = ActiveModel { id: NotSet, user_id: Set(user_id), code_hash: Set(hash.clone()), used_at: Set(None) };
        row.insert(tx).await?;
    }
    Ok(())
}

/// Uses a code up; whether it was there to be used.
pub async fn take_code(tx: &Tx, user_id: i64, hash: &str, now: Micros) -> Result<bool, StoreError> {
    use recovery_code::{Column, Entity};
    let used = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::UserId.eq(user_id))
        .filter(Column::CodeHash.eq(hash))
        .filter(Column::UsedAt.is_null());
    Ok(used.exec(tx).await?.rows_affected > 0)
}

pub async fn codes_left(db: &impl Db, user_id: i64) -> Result<u64, StoreError> {
    use recovery_code::{Column, Entity};
    let left = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::UsedAt.is_null());
    Ok(left.count(db).await?)
}
