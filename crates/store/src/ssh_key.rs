//! Public keys that a build puts into a server.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx,
    entity::{
        server_ssh_key,
        ssh_key::{ActiveModel, Column, Entity, Model},
    },
};

pub struct NewKey {
    pub uuid: Uuid,
    pub user_id: i64,
    pub name: String,
    /// `ssh-ed25519` and the like.
    pub key_type: String,
    pub public_key: String,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewKey) -> Result<Model, StoreError> {
    let NewKey { uuid, user_id, name, key_type, public_key, now } = new;
    let row = ActiveModel {
        uuid: Set(uuid),
        user_id: Set(user_id),
        name: Set(name),
        key_type: Set(key_type),
        public_key: Set(public_key),
        enabled: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn of_user(db: &impl ConnectionTrait, user_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::UserId.eq(user_id)).order_by_asc(Column::Id).all(db).await?)
}

/// Removes the key. Servers that were built with it keep it inside of them; their list of keys loses it.
pub async fn delete(tx: &Tx, id: i64) -> Result<(), StoreError> {
    server_ssh_key::Entity::delete_many().filter(server_ssh_key::Column::SshKeyId.eq(id)).exec(tx).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
