//! Which keys a server's newest build is given.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter,
};

use crate::{
    StoreError, Tx,
    entity::server_ssh_key::{ActiveModel, Column, Entity},
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
