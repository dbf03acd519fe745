//! OS templates and how they are shown together.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx,
    entity::{
        template::{ActiveModel, Column, Entity, Model},
        template_category,
    },
};

#[derive(Clone, Debug)]
pub struct NewTemplate {
    pub uuid: Uuid,
    pub category_id: i64,
    pub slug: String,
    pub name: String,
    pub version: String,
    pub variant: Option<String>,
    pub arch: i32,
    pub description: String,
    pub icon: String,
    pub os_type: String,
    pub uefi: bool,
    pub image_digest: String,
    pub image_url: Option<String>,
    pub image_virtual_bytes: i64,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewTemplate) -> Result<Model, StoreError> {
    let row = ActiveModel {
        uuid: Set(new.uuid),
        category_id: Set(new.category_id),
        slug: Set(new.slug),
        name: Set(new.name),
        version: Set(new.version),
        variant: Set(new.variant),
        arch: Set(new.arch),
        description: Set(new.description),
        icon: Set(new.icon),
        eol: Set(false),
        eol_date: Set(None),
        eol_warning: Set(false),
        deploy_type: Set(1),
        vnc: Set(false),
        os_type: Set(new.os_type),
        uefi: Set(new.uefi),
        enabled: Set(true),
        image_digest: Set(new.image_digest),
        image_url: Set(new.image_url),
        image_bytes: Set(0),
        image_virtual_bytes: Set(new.image_virtual_bytes),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Slug.eq(slug)).one(db).await?)
}

/// In order of their ids, and how many there are.
pub async fn page(db: &impl ConnectionTrait, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Enabled ones with an image that fits on a disk of this size, with their categories in their order.
pub async fn available(
    db: &impl ConnectionTrait,
    disk_bytes: i64,
) -> Result<Vec<(template_category::Model, Vec<Model>)>, StoreError> {
    let fitting = Entity::find()
        .filter(Column::Enabled.eq(true))
        .filter(Column::ImageDigest.ne(""))
        .filter(Column::ImageVirtualBytes.lte(disk_bytes))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    let categories = template_category::Entity::find()
        .order_by_asc(template_category::Column::Position)
        .order_by_asc(template_category::Column::Id)
        .all(db)
        .await?;
    let of = |category: template_category::Model| {
        let templates: Vec<Model> =
            fitting.iter().filter(|template| template.category_id == category.id).cloned().collect();
        (category, templates)
    };
    Ok(categories.into_iter().map(of).filter(|(_, templates)| !templates.is_empty()).collect())
}

/// The image that new builds take.
pub async fn set_image(
    tx: &Tx,
    id: i64,
    digest: &str,
    bytes: i64,
    virtual_bytes: i64,
    now: Micros,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: Set(id),
        image_digest: Set(digest.to_owned()),
        image_url: Set(None),
        image_bytes: Set(bytes),
        image_virtual_bytes: Set(virtual_bytes),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::update(row).exec(tx).await?)
}

/// The category of that name, which is made where it is missing.
pub async fn category(tx: &Tx, name: &str, icon: &str, now: Micros) -> Result<template_category::Model, StoreError> {
    let found = template_category::Entity::find().filter(template_category::Column::Name.eq(name)).one(tx).await?;
    if let Some(found) = found {
        return Ok(found);
    }
    let row = template_category::ActiveModel {
        name: Set(name.to_owned()),
        description: Set(String::new()),
        icon: Set(icon.to_owned()),
        position: Set(0),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(template_category::Entity::insert(row).exec_with_returning(tx).await?)
}
