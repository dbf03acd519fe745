//! Which keys a server's newest build is given.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
};

use crate::{
    Db, StoreError, Tx,
    entity::{
        server_ssh_key::{ActiveModel, Column, Entity},
        ssh_key,
    },
};

/// In the order given, which is the order in the guest.
pub async fn replace(tx: &Tx, server_id: i64, key_ids: &[i64]) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ServerId.eq(server_id)).exec(tx).await?;
    if key_ids.is_empty() {
        return Ok(());
    }
    let rows = (1..).zip(key_ids).map(|(position, key)| ActiveModel {
        id: NotSet,
        server_id: Set(server_id),
        ssh_key_id: Set(*key),
        position: Set(position),
    });
    Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Which of these keys a user may put into a server: enabled ones of their own.
pub async fn usable(db: &impl Db, user_id: i64, key_ids: &[i64]) -> Result<Vec<i64>, StoreError> {
    if key_ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys = ssh_key::Entity::find()
        .select_only()
        .column(ssh_key::Column::Id)
        .filter(ssh_key::Column::Id.is_in(key_ids.iter().copied()))
        .filter(ssh_key::Column::UserId.eq(user_id))
        .filter(ssh_key::Column::Enabled.eq(true));
    Ok(keys.into_tuple().all(db).await?)
}
