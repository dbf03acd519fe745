//! ISO images, and which servers have one in their drive.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        iso::{ActiveModel, Column, Entity, Model},
        server,
    },
};

#[derive(Clone, Debug)]
pub struct NewIso {
    pub uuid: Uuid,
    pub name: String,
    pub description: Option<String>,
    pub arch: i32,
    pub url: Option<String>,
    pub filename: String,
    pub enabled: bool,
    pub global: bool,
    pub users: Vec<i64>,
    pub in_library: bool,
    pub digest: String,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewIso) -> Result<Model, StoreError> {
    let row = ActiveModel {
        uuid: Set(new.uuid),
        name: Set(new.name),
        description: Set(new.description),
        arch: Set(new.arch),
        url: Set(new.url),
        filename: Set(new.filename),
        enabled: Set(new.enabled),
        global: Set(new.global),
        users: Set(serde_json::json!(new.users)),
        in_library: Set(new.in_library),
        digest: Set(new.digest),
        size_bytes: Set(0),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl Db, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// Those of the library in order of their ids, and how many there are.
pub async fn page(db: &impl Db, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find().filter(Column::InLibrary.eq(true));
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Enabled ones of the library for this architecture, by name.
pub async fn enabled(db: &impl Db, arch: i32, limit: u64) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find()
        .filter(Column::InLibrary.eq(true))
        .filter(Column::Enabled.eq(true))
        .filter(Column::Arch.eq(arch))
        .order_by_asc(Column::Name)
        .order_by_asc(Column::Id);
    Ok(query.limit(limit).all(db).await?)
}

/// What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub name: Option<String>,
    /// `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    pub enabled: Option<bool>,
    pub global: Option<bool>,
    pub users: Option<Vec<i64>>,
}

pub async fn change(tx: &Tx, id: i64, changes: Changes, now: Micros) -> Result<Option<Model>, StoreError> {
    let Changes { name, description, enabled, global, users } = changes;
    let row = ActiveModel {
        name: name.map_or_else(Default::default, Set),
        description: description.map_or_else(Default::default, Set),
        enabled: enabled.map_or_else(Default::default, Set),
        global: global.map_or_else(Default::default, Set),
        users: users.map_or_else(Default::default, |users| Set(serde_json::json!(users))),
        updated_at: Set(now),
        ..Default::default()
    };
    let changed = Entity::update_many().set(row).filter(Column::Id.eq(id)).exec_with_returning(tx).await?;
    Ok(changed.into_iter().next())
}

/// The file that it is from now on, kept by the control server.
pub async fn set_file(tx: &Tx, id: i64, digest: &str, bytes: i64, now: Micros) -> Result<Option<Model>, StoreError> {
    let row = ActiveModel {
        url: Set(None),
        digest: Set(digest.to_owned()),
        size_bytes: Set(bytes),
        updated_at: Set(now),
        ..Default::default()
    };
    let changed = Entity::update_many().set(row).filter(Column::Id.eq(id)).exec_with_returning(tx).await?;
    Ok(changed.into_iter().next())
}

/// What the first node that fetched it found; from then on every node must find the same.
pub async fn pin(tx: &Tx, id: i64, digest: &str, bytes: i64) -> Result<(), StoreError> {
    let row = ActiveModel { digest: Set(digest.to_owned()), size_bytes: Set(bytes), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).filter(Column::Digest.eq("")).exec(tx).await?;
    Ok(())
}

/// Locks the row until the transaction ends, so that none is mounted while it is deleted.
pub async fn lock(tx: &Tx, id: i64) -> Result<Option<Model>, StoreError> {
    let locked = Entity::update_many()
        .col_expr(Column::UpdatedAt, Expr::col(Column::UpdatedAt))
        .filter(Column::Id.eq(id))
        .exec_with_returning(tx)
        .await?;
    Ok(locked.into_iter().next())
}

pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Of all ISO images, each once, those too that were mounted by their URL.
pub async fn digests(db: &impl Db) -> Result<Vec<String>, StoreError> {
    let query = Entity::find().select_only().column(Column::Digest).distinct().filter(Column::Digest.ne(""));
    Ok(query.order_by_asc(Column::Digest).into_tuple().all(db).await?)
}

/// Whether any ISO image has this file.
pub async fn has_digest(db: &impl Db, digest: &str) -> Result<bool, StoreError> {
    Ok(Entity::find().filter(Column::Digest.eq(digest)).filter(Column::Url.is_null()).one(db).await?.is_some())
}

/// Ids of the servers that have it in their drive, or are to have it.
pub async fn holders(db: &impl Db, id: i64, limit: u64) -> Result<Vec<i64>, StoreError> {
    let query = server::Entity::find().select_only().column(server::Column::Id).filter(server::Column::IsoId.eq(id));
    Ok(query.order_by_asc(server::Column::Id).limit(limit).into_tuple().all(db).await?)
}

/// What a server is to have in its drive; the node follows once it has the disc ([`ready`]). The caller holds the
/// server's lock.
pub async fn mount(tx: &Tx, server_id: i64, iso_id: Option<i64>, now: Micros) -> Result<(), StoreError> {
    let row = server::ActiveModel {
        iso_id: Set(iso_id),
        iso_hypervisor_id: Set(None),
        updated_at: Set(now),
        ..Default::default()
    };
    let update = server::Entity::update_many().set(row).filter(server::Column::Id.eq(server_id));
    next_generation(update).exec(tx).await?;
    Ok(())
}

/// The node has the disc, so that the server's specification may name it. False where the server is to have another
/// by now.
pub async fn ready(tx: &Tx, server_id: i64, iso_id: i64, hypervisor_id: i64) -> Result<bool, StoreError> {
    let row = server::ActiveModel { iso_hypervisor_id: Set(Some(hypervisor_id)), ..Default::default() };
    let update = server::Entity::update_many()
        .set(row)
        .filter(server::Column::Id.eq(server_id))
        .filter(server::Column::IsoId.eq(iso_id));
    Ok(next_generation(update).exec(tx).await?.rows_affected > 0)
}

fn next_generation(update: sea_orm::UpdateMany<server::Entity>) -> sea_orm::UpdateMany<server::Entity> {
    update.col_expr(server::Column::Generation, Expr::col(server::Column::Generation).add(1))
}

/// Forgets one that was mounted by its URL and that no server has any more.
pub async fn forget_unused(tx: &Tx, id: i64) -> Result<(), StoreError> {
    if holders(tx, id, 1).await?.is_empty() {
        Entity::delete_many().filter(Column::Id.eq(id)).filter(Column::InLibrary.eq(false)).exec(tx).await?;
    }
    Ok(())
}

/// Ids of a row's users.
pub fn users(row: &Model) -> Vec<i64> {
    row.users.as_array().map(|ids| ids.iter().filter_map(Value::as_i64).collect()).unwrap_or_default()
}
