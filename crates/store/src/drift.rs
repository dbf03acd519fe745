//! Where nodes and the database differ: what a comparison needs of the database, and what it found.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx,
    entity::{
        hypervisor_comparison,
        hypervisor_drift::{ActiveModel, Column, Entity, Model},
        server,
    },
    joined,
};

/// A server as the database places it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub id: i64,
    pub uuid: Uuid,
    pub hypervisor_id: i64,
    /// Whether a build has ended well, so that the node must have it.
    pub built: bool,
    /// Whether work on it has not ended.
    pub busy: bool,
}

/// All servers of a node, those that are being deleted included.
pub async fn placed_on(db: &impl ConnectionTrait, hypervisor_id: i64) -> Result<Vec<Placed>, StoreError> {
    let sql = "SELECT s.id, s.uuid, s.commission_status = 3 AND s.deleting = FALSE, \
               EXISTS (SELECT 1 FROM jobs j WHERE j.server_id = s.id AND j.state IN ('queued', 'running')) \
               FROM servers s WHERE s.hypervisor_id = $1 ORDER BY s.id";
    let rows = joined::all(db, sql, vec![hypervisor_id.into()]).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<Placed, sea_orm::DbErr> {
        Ok(Placed {
            id: row.try_get_by_index(0)?,
            uuid: row.try_get_by_index(1)?,
            hypervisor_id,
            built: row.try_get_by_index(2)?,
            busy: row.try_get_by_index(3)?,
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Where the database has these servers: UUID, id, node. Those that it does not know are left out.
pub async fn whereabouts(db: &impl ConnectionTrait, uuids: &[Uuid]) -> Result<Vec<(Uuid, i64, i64)>, StoreError> {
    let query = server::Entity::find()
        .select_only()
        .columns([server::Column::Uuid, server::Column::Id, server::Column::HypervisorId])
        .filter(server::Column::Uuid.is_in(uuids.iter().copied()));
    Ok(query.into_tuple().all(db).await?)
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: &'static str,
    pub subject: String,
    pub server_id: Option<i64>,
}

/// What a comparison found takes the place of what the one before did; what is still there keeps its first time.
pub async fn record(tx: &Tx, hypervisor_id: i64, found: &[Found], now: Micros) -> Result<(), StoreError> {
    for one in found {
        let row = ActiveModel {
            hypervisor_id: Set(hypervisor_id),
            kind: Set(one.kind.to_owned()),
            subject: Set(one.subject.clone()),
            server_id: Set(one.server_id),
            first_seen_at: Set(now),
            last_seen_at: Set(now),
            ..Default::default()
        };
        let again = OnConflict::columns([Column::HypervisorId, Column::Kind, Column::Subject])
            .update_columns([Column::LastSeenAt, Column::ServerId])
            .to_owned();
        Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    }
    Entity::delete_many()
        .filter(Column::HypervisorId.eq(hypervisor_id))
        .filter(Column::LastSeenAt.ne(now))
        .exec(tx)
        .await?;
    tried(tx, hypervisor_id, None, now).await
}

/// A comparison that did not come to its end, with a sentence; what the last one found stays.
pub async fn failed(tx: &Tx, hypervisor_id: i64, why: &str, now: Micros) -> Result<(), StoreError> {
    tried(tx, hypervisor_id, Some(why), now).await
}

async fn tried(tx: &Tx, hypervisor_id: i64, error: Option<&str>, now: Micros) -> Result<(), StoreError> {
    use hypervisor_comparison::{ActiveModel, Column, Entity};
    let row = ActiveModel {
        hypervisor_id: Set(hypervisor_id),
        compared_at: Set(error.is_none().then_some(now)),
        error: Set(error.map(str::to_owned)),
        tried_at: Set(now),
        ..Default::default()
    };
    let mut changed = vec![Column::Error, Column::TriedAt];
    if error.is_none() {
        changed.push(Column::ComparedAt);
    }
    let again = OnConflict::column(Column::HypervisorId).update_columns(changed).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// The newest comparison of a node, if there was one.
pub async fn comparison(
    db: &impl ConnectionTrait,
    hypervisor_id: i64,
) -> Result<Option<hypervisor_comparison::Model>, StoreError> {
    let of_node = hypervisor_comparison::Column::HypervisorId.eq(hypervisor_id);
    Ok(hypervisor_comparison::Entity::find().filter(of_node).one(db).await?)
}

/// In order of their first sight, and how many there are.
pub async fn page(
    db: &impl ConnectionTrait,
    hypervisor_id: i64,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find().filter(Column::HypervisorId.eq(hypervisor_id));
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// How many differences of each kind there are on all nodes.
pub async fn counts(db: &impl ConnectionTrait) -> Result<Vec<(String, i64)>, StoreError> {
    let query = Entity::find()
        .select_only()
        .column(Column::Kind)
        .column_as(Column::Id.count(), "number")
        .group_by(Column::Kind);
    Ok(query.into_tuple().all(db).await?)
}
