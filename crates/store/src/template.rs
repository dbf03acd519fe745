//! OS templates.

use sea_orm::{ConnectionTrait, EntityTrait};

use crate::{
    StoreError,
    entity::template::{Entity, Model},
};

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}
