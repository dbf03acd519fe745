//! Self-tests of nodes, and what became of each kind of storage in its newest.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::OnConflict,
};
use serde_json::Value;

use crate::{
    Micros, StoreError, Tx,
    entity::{
        hypervisor,
        hypervisor_selftest::{ActiveModel, Column, Entity, Model},
        storage_test,
    },
    storage_point,
};

/// The kind of storage that every node has: a folder. New disks are made there.
pub const DIRECTORY: &str = "directory";
/// Results that are kept of a node.
pub const KEPT: u64 = 20;

#[derive(Clone, Debug)]
pub struct NewSelftest {
    pub hypervisor_id: i64,
    pub job_id: i64,
    pub passed: bool,
    pub checks: Value,
    pub storage: Vec<StorageTest>,
    pub now: Micros,
}

/// What was found of one storage.
#[derive(Clone, Debug)]
pub struct StorageTest {
    pub kind: String,
    /// Of a storage point; empty: the node's own folder.
    pub location: String,
    pub passed: bool,
    /// A sentence.
    pub detail: String,
}

/// Keeps a result; the same job's again changes nothing.
pub async fn record(tx: &Tx, new: NewSelftest) -> Result<(), StoreError> {
    let NewSelftest { hypervisor_id, job_id, passed, checks, storage, now } = new;
    let row = ActiveModel {
        hypervisor_id: Set(hypervisor_id),
        job_id: Set(job_id),
        passed: Set(passed),
        checks: Set(checks),
        finished_at: Set(now),
        ..Default::default()
    };
    let nothing = OnConflict::column(Column::JobId).do_nothing().to_owned();
    Entity::insert(row).on_conflict(nothing).exec_without_returning(tx).await?;
    for StorageTest { kind, location, passed, detail } in storage {
        storage_point::tested(tx, hypervisor_id, (&kind, &location), (passed, &detail), now).await?;
        if !location.is_empty() {
            continue;
        }
        let row = storage_test::ActiveModel {
            hypervisor_id: Set(hypervisor_id),
            kind: Set(kind),
            passed: Set(passed),
            detail: Set(detail),
            tested_at: Set(now),
            ..Default::default()
        };
        use storage_test::Column as Storage;
        let newest = OnConflict::columns([Storage::HypervisorId, Storage::Kind])
            .update_columns([Storage::Passed, Storage::Detail, Storage::TestedAt])
            .to_owned();
        storage_test::Entity::insert(row).on_conflict(newest).exec_without_returning(tx).await?;
    }
    trim(tx, hypervisor_id).await
}

async fn trim(tx: &Tx, hypervisor_id: i64) -> Result<(), StoreError> {
    let of_node = Entity::find().filter(Column::HypervisorId.eq(hypervisor_id)).order_by_desc(Column::Id);
    let Some(last) = of_node.offset(KEPT).one(tx).await? else { return Ok(()) };
    Entity::delete_many()
        .filter(Column::HypervisorId.eq(hypervisor_id))
        .filter(Column::Id.lte(last.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The newest result of each of these nodes that has one.
pub async fn newest(db: &impl ConnectionTrait, hypervisor_ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    let newest = Entity::find()
        .select_only()
        .column_as(Column::Id.max(), "id")
        .filter(Column::HypervisorId.is_in(hypervisor_ids.iter().copied()))
        .group_by(Column::HypervisorId)
        .into_query();
    Ok(Entity::find().filter(Column::Id.in_subquery(newest)).all(db).await?)
}

/// The nodes of a group on which a kind of storage was tested, and whether it passed its newest test there.
pub async fn tested_on(db: &impl ConnectionTrait, group_id: i64, kind: &str) -> Result<Vec<(i64, bool)>, StoreError> {
    let nodes = hypervisor::Entity::find()
        .select_only()
        .column(hypervisor::Column::Id)
        .filter(hypervisor::Column::GroupId.eq(group_id))
        .into_query();
    let tested = storage_test::Entity::find()
        .select_only()
        .column(storage_test::Column::HypervisorId)
        .column(storage_test::Column::Passed)
        .filter(storage_test::Column::Kind.eq(kind))
        .filter(storage_test::Column::HypervisorId.in_subquery(nodes));
    Ok(tested.into_tuple().all(db).await?)
}

/// Whether a kind of storage passed its newest test on a node; nothing before the first.
pub async fn tested(db: &impl ConnectionTrait, hypervisor_id: i64, kind: &str) -> Result<Option<bool>, StoreError> {
    let newest = storage_test::Entity::find()
        .filter(storage_test::Column::HypervisorId.eq(hypervisor_id))
        .filter(storage_test::Column::Kind.eq(kind));
    Ok(newest.one(db).await?.map(|row| row.passed))
}
