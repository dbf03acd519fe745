//! Passkeys of people.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    prelude::{Expr, Json},
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        passkey::{ActiveModel, Column, Entity, Model},
        user,
    },
};

#[derive(Clone, Debug)]
pub struct NewPasskey {
    pub user_id: i64,
    pub credential_id: String,
    pub credential: Json,
    pub name: String,
    pub now: Micros,
}

/// One that is registered already, with anybody, violates `passkeys`.
pub async fn insert(tx: &Tx, new: NewPasskey) -> Result<Model, StoreError> {
    let NewPasskey { user_id, credential_id, credential, name, now } = new;
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        credential_id: Set(credential_id),
        credential: Set(credential),
        counter: Set(0),
        name: Set(name),
        used_at: Set(None),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// A user's, the newest first.
pub async fn of_user(db: &impl Db, user_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::UserId.eq(user_id)).order_by_desc(Column::Id).all(db).await?)
}

/// The one that an authenticator names, and whose it is.
pub async fn by_credential(db: &impl Db, credential_id: &str) -> Result<Option<(Model, user::Model)>, StoreError> {
    let Some(row) = Entity::find().filter(Column::CredentialId.eq(credential_id)).one(db).await? else {
        return Ok(None);
    };
    Ok(user::Entity::find_by_id(row.user_id).one(db).await?.map(|user| (row, user)))
}

/// Notes a login, with what the credential has become. Whether it is there, and its counter went on since the newest
/// login; one that stays 0 counts nothing.
pub async fn take(tx: &Tx, id: i64, credential: Json, counter: i64, now: Micros) -> Result<bool, StoreError> {
    let went_on = if counter == 0 { Column::Counter.eq(0) } else { Column::Counter.lt(counter) };
    let taken = Entity::update_many()
        .col_expr(Column::Credential, Expr::value(credential))
        .col_expr(Column::Counter, Expr::value(counter))
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(went_on);
    Ok(taken.exec(tx).await?.rows_affected > 0)
}

/// Another name for one of a user's; what it was before, if there is such a one.
pub async fn rename(tx: &Tx, user_id: i64, id: i64, name: &str) -> Result<Option<Model>, StoreError> {
    let found = Entity::find_by_id(id).filter(Column::UserId.eq(user_id)).one(tx).await?;
    let renamed = Entity::update_many()
        .col_expr(Column::Name, Expr::value(name))
        .filter(Column::UserId.eq(user_id))
        .filter(Column::Id.eq(id));
    renamed.exec(tx).await?;
    Ok(found)
}

/// Removes one of a user's, and answers it.
pub async fn remove(tx: &Tx, user_id: i64, id: i64) -> Result<Option<Model>, StoreError> {
    let removed = Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::Id.eq(id));
    Ok(removed.exec_with_returning(tx).await?.into_iter().next())
}

/// Removes all of a user's.
pub async fn of_user_gone(tx: &Tx, user_id: i64) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(tx).await?;
    Ok(())
}
