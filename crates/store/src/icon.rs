//! Pictures of templates, their categories and groups of nodes.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::{
    Micros, StoreError, Tx,
    entity::{
        hypervisor_group,
        icon::{ActiveModel, Column, Entity, Model},
        template, template_category,
    },
};

/// An icon without its picture.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Line {
    pub id: i64,
    pub name: String,
    pub media_type: String,
    pub created_at: Micros,
}

pub async fn insert(tx: &Tx, name: &str, media_type: &str, picture: &[u8], now: Micros) -> Result<Model, StoreError> {
    let row = ActiveModel {
        name: Set(name.to_owned()),
        media_type: Set(media_type.to_owned()),
        picture: Set(picture.to_vec()),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Name.eq(name)).one(db).await?)
}

/// In order of their ids without their pictures, and how many there are.
pub async fn page(db: &impl ConnectionTrait, offset: u64, limit: u64) -> Result<(Vec<Line>, u64), StoreError> {
    let total = Entity::find().count(db).await?;
    let query = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Name, Column::MediaType, Column::CreatedAt])
        .order_by_asc(Column::Id);
    Ok((query.offset(offset).limit(limit).into_model().all(db).await?, total))
}

/// How many templates, categories and groups show the icon of that name.
pub async fn uses(db: &impl ConnectionTrait, name: &str) -> Result<[u64; 3], StoreError> {
    let templates = template::Entity::find().filter(template::Column::Icon.eq(name)).count(db).await?;
    let categories =
        template_category::Entity::find().filter(template_category::Column::Icon.eq(name)).count(db).await?;
    let groups = hypervisor_group::Entity::find().filter(hypervisor_group::Column::Icon.eq(name)).count(db).await?;
    Ok([templates, categories, groups])
}

pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
