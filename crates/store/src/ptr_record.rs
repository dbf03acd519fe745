//! Names of addresses: what is wished, and how far the DNS server has it.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::ptr_record::{ActiveModel, Column, Entity, Model},
};

/// The DNS server does not have the newest wish yet.
pub const PENDING: &str = "pending";
pub const DONE: &str = "done";
/// The DNS server refused it.
pub const FAILED: &str = "failed";

/// A name for an address of a server; `ptr` is `None` to clear it.
#[derive(Clone, Debug)]
pub struct Wish {
    pub zone_id: i64,
    pub server_id: i64,
    pub address: String,
    pub ptr: Option<String>,
    pub now: Micros,
}

/// Writes the newest wish for an address. `None` where there is nothing to clear.
pub async fn wish(tx: &Tx, wish: Wish) -> Result<Option<Model>, StoreError> {
    let Wish { zone_id, server_id, address, ptr, now } = wish;
    let there = by_address(tx, &address).await?;
    let Some(there) = there else {
        if ptr.is_none() {
            return Ok(None);
        }
        let row = ActiveModel {
            zone_id: Set(zone_id),
            server_id: Set(server_id),
            address: Set(address),
            ptr: Set(ptr),
            revision: Set(1),
            state: Set(PENDING.to_owned()),
            error: Set(None),
            forward_confirmed: Set(None),
            checked_at: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        return Ok(Some(Entity::insert(row).exec_with_returning(tx).await?));
    };
    let revision = there.revision + 1;
    let mut row = there.into_active_model();
    row.server_id = Set(server_id);
    row.ptr = Set(ptr);
    row.revision = Set(revision);
    row.state = Set(PENDING.to_owned());
    row.error = Set(None);
    row.forward_confirmed = Set(None);
    row.checked_at = Set(None);
    row.updated_at = Set(now);
    Ok(Some(row.update(tx).await?))
}

pub async fn by_id(db: &impl Db, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn by_address(db: &impl Db, address: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Address.eq(address)).one(db).await?)
}

/// In order of their ids after `after`, at most `limit`.
pub async fn after(db: &impl Db, after: i64, limit: u64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Id.gt(after)).order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// How many names are in a zone.
pub async fn count_of_zone(db: &impl Db, zone_id: i64) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::ZoneId.eq(zone_id)).count(db).await?)
}

/// The DNS server has the wish of this revision. A cleared name is gone with it. `false` where there is a newer wish.
pub async fn written(
    tx: &Tx,
    record: &Model,
    forward_confirmed: Option<bool>,
    now: Micros,
) -> Result<bool, StoreError> {
    let this = Column::Id.eq(record.id).and(Column::Revision.eq(record.revision));
    let changed = if record.ptr.is_none() {
        Entity::delete_many().filter(this).exec(tx).await?.rows_affected
    } else {
        Entity::update_many()
            .col_expr(Column::State, Expr::value(DONE))
            .col_expr(Column::Error, Expr::value(None::<String>))
            .col_expr(Column::ForwardConfirmed, Expr::value(forward_confirmed))
            .col_expr(Column::CheckedAt, Expr::value(forward_confirmed.map(|_| now)))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .filter(this)
            .exec(tx)
            .await?
            .rows_affected
    };
    Ok(changed == 1)
}

/// The DNS server refused the wish of this revision, with a sentence.
pub async fn refused(tx: &Tx, id: i64, revision: i64, error: &str, now: Micros) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(FAILED))
        .col_expr(Column::Error, Expr::value(error))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::Revision.eq(revision))
        .exec(tx)
        .await?;
    Ok(())
}
