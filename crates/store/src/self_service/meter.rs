//! What metered servers had and when, and up to which hour each is in the ledger.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        metered_server::{ActiveModel, Column, Entity, Model},
        metered_span::{self, Model as Span},
    },
};

/// What comes with a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Included {
    pub memory_mib: i64,
    pub storage_gib: i64,
    pub cpu: i64,
}

#[derive(Clone, Debug)]
pub struct NewMetered {
    pub server_id: i64,
    pub server_uuid: Uuid,
    /// 1 by the hour, 2 of a resource pack.
    pub self_service: i32,
    pub profile_id: Option<i64>,
    pub pack_id: Option<i64>,
    pub included: Included,
    /// The hour in which it was created.
    pub next_hour_at: Micros,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewMetered) -> Result<(), StoreError> {
    let NewMetered { server_id, server_uuid, self_service, profile_id, pack_id, included, next_hour_at, now } = new;
    let row = ActiveModel {
        server_id: Set(server_id),
        server_uuid: Set(server_uuid),
        name: Set(String::new()),
        self_service: Set(self_service),
        profile_id: Set(profile_id),
        pack_id: Set(pack_id),
        included_memory_mib: Set(included.memory_mib),
        included_storage_gib: Set(included.storage_gib),
        included_cpu: Set(included.cpu),
        next_hour_at: Set(Some(next_hour_at)),
        ended_at: Set(None),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn by_id(db: &impl Db, server_id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(server_id).one(db).await?)
}

/// What these servers are called on statements; they may be gone by now.
pub async fn names(db: &impl Db, server_ids: &[i64]) -> Result<Vec<(i64, String)>, StoreError> {
    let query = Entity::find().select_only().column(Column::ServerId).column(Column::Name);
    let query = query.filter(Column::ServerId.is_in(server_ids.iter().copied())).order_by_asc(Column::ServerId);
    Ok(query.into_tuple().all(db).await?)
}

/// Servers of which an hour that ended before `until` is not in the ledger, those that wait longest first.
pub async fn due(db: &impl Db, until: Micros, limit: u64) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::NextHourAt.lt(until));
    Ok(query.order_by_asc(Column::NextHourAt).order_by_asc(Column::ServerId).limit(limit).all(db).await?)
}

/// Goes on to the next hour that is to be booked, or to the end; `false` where another was quicker.
pub async fn advance(tx: &Tx, server_id: i64, from: Micros, to: Option<Micros>) -> Result<bool, StoreError> {
    let row = ActiveModel { next_hour_at: Set(to), ..Default::default() };
    let as_it_was =
        Entity::update_many().set(row).filter(Column::ServerId.eq(server_id)).filter(Column::NextHourAt.eq(from));
    Ok(as_it_was.exec(tx).await?.rows_affected == 1)
}

/// Servers that are not at their end, by id after `after`.
pub async fn running(db: &impl Db, after: i64, limit: u64) -> Result<Vec<i64>, StoreError> {
    let query = Entity::find()
        .select_only()
        .column(Column::ServerId)
        .filter(Column::EndedAt.is_null())
        .filter(Column::ServerId.gt(after));
    Ok(query.order_by_asc(Column::ServerId).limit(limit).into_tuple().all(db).await?)
}

/// It has another package now.
pub async fn set_included(tx: &Tx, server_id: i64, included: Included) -> Result<(), StoreError> {
    let row = ActiveModel {
        included_memory_mib: Set(included.memory_mib),
        included_storage_gib: Set(included.storage_gib),
        included_cpu: Set(included.cpu),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::ServerId.eq(server_id)).exec(tx).await?;
    Ok(())
}

/// As it is called on statements.
pub async fn set_name(tx: &Tx, server_id: i64, name: &str) -> Result<(), StoreError> {
    let row = ActiveModel { name: Set(name.to_owned()), ..Default::default() };
    Entity::update_many().set(row).filter(Column::ServerId.eq(server_id)).exec(tx).await?;
    Ok(())
}

/// It is gone, or no longer of self service; in no pack any more.
pub async fn end(tx: &Tx, server_id: i64, leaves_pack: bool, now: Micros) -> Result<(), StoreError> {
    let mut row = ActiveModel { ended_at: Set(Some(now)), ..Default::default() };
    if leaves_pack {
        row.pack_id = Set(None);
    }
    Entity::update_many().set(row).filter(Column::ServerId.eq(server_id)).exec(tx).await?;
    Ok(())
}

/// All that these servers had, in order.
pub async fn spans(db: &impl Db, server_ids: &[i64]) -> Result<Vec<Span>, StoreError> {
    let query = metered_span::Entity::find().filter(metered_span::Column::ServerId.is_in(server_ids.iter().copied()));
    Ok(query.order_by_asc(metered_span::Column::Id).all(db).await?)
}

/// What a server has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub item: String,
    pub user_id: i64,
    pub package_id: i64,
    pub quantity: i64,
}

/// What a server has that differs from before begins now, and what it no longer has ends. What ended in this moment goes
/// on as if it had not, and what began in it never was.
pub async fn set_held(tx: &Tx, server_id: i64, held: &[Held], now: Micros) -> Result<(), StoreError> {
    use metered_span::{Column, Entity};
    let not_over = Condition::any().add(Column::UntilAt.is_null()).add(Column::UntilAt.eq(now));
    let spans = Entity::find().filter(Column::ServerId.eq(server_id)).filter(not_over).all(tx).await?;
    let is = |span: &Span, held: &Held| {
        (&span.item, span.user_id, span.package_id, span.quantity)
            == (&held.item, held.user_id, held.package_id, held.quantity)
    };
    let over: Vec<&Span> = spans.iter().filter(|span| !held.iter().any(|held| is(span, held))).collect();
    let never = over.iter().filter(|span| span.from_at == now).map(|span| span.id);
    Entity::delete_many().filter(Column::Id.is_in(never)).exec(tx).await?;
    set_until(tx, over.iter().filter(|span| span.until_at.is_none()).map(|span| span.id), Some(now)).await?;
    let again = spans.iter().filter(|span| span.until_at.is_some() && held.iter().any(|held| is(span, held)));
    set_until(tx, again.map(|span| span.id), None).await?;
    let new: Vec<_> = held
        .iter()
        .filter(|held| !spans.iter().any(|span| is(span, held)))
        .map(|held| metered_span::ActiveModel {
            id: NotSet,
            server_id: Set(server_id),
            item: Set(held.item.clone()),
            user_id: Set(held.user_id),
            package_id: Set(held.package_id),
            quantity: Set(held.quantity),
            from_at: Set(now),
            until_at: Set(None),
        })
        .collect();
    if !new.is_empty() {
        Entity::insert_many(new).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn set_until(tx: &Tx, ids: impl Iterator<Item = i64>, until: Option<Micros>) -> Result<(), StoreError> {
    let ids: Vec<i64> = ids.collect();
    if ids.is_empty() {
        return Ok(());
    }
    let row = metered_span::ActiveModel { until_at: Set(until), ..Default::default() };
    metered_span::Entity::update_many().set(row).filter(metered_span::Column::Id.is_in(ids)).exec(tx).await?;
    Ok(())
}
