//! Bridges of nodes.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    Micros, StoreError, Tx,
    entity::hypervisor_network::{ActiveModel, Column, Entity, Model},
};

pub async fn insert(
    tx: &Tx,
    hypervisor_id: i64,
    bridge: &str,
    mtu: Option<i32>,
    is_primary: bool,
    now: Micros,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        hypervisor_id: Set(hypervisor_id),
        kind: Set("simpleBridge".to_owned()),
        bridge: Set(bridge.to_owned()),
        mtu: Set(mtu),
        is_primary: Set(is_primary),
        is_default: Set(is_primary),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// Of several nodes, the primary one of each first.
pub async fn of_hypervisors(db: &impl ConnectionTrait, hypervisor_ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::HypervisorId.is_in(hypervisor_ids.iter().copied()));
    Ok(query.order_by_desc(Column::IsPrimary).order_by_asc(Column::Id).all(db).await?)
}
