//! Networks of nodes: bridges that servers can be attached to.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    Micros, StoreError, Tx,
    entity::hypervisor_network::{ActiveModel, Column, Entity, Model},
    joined,
};

/// A bridge of the node's, without address translation.
pub const SIMPLE_BRIDGE: &str = "simpleBridge";

#[derive(Clone, Debug)]
pub struct NewNetwork {
    pub hypervisor_id: i64,
    pub name: String,
    pub kind: String,
    pub bridge: String,
    pub mtu: Option<i32>,
    /// The node makes the bridge.
    pub made: bool,
    pub is_primary: bool,
    pub ip_block_group_id: Option<i64>,
    pub now: Micros,
}

/// Fails with [`StoreError::Unique`] where the node's bridge is a network already. The primary one is the default, too.
pub async fn create(tx: &Tx, new: NewNetwork) -> Result<Model, StoreError> {
    let row = ActiveModel {
        hypervisor_id: Set(new.hypervisor_id),
        name: Set(new.name),
        kind: Set(new.kind),
        bridge: Set(new.bridge),
        mtu: Set(new.mtu),
        made: Set(new.made),
        is_primary: Set(new.is_primary),
        is_default: Set(new.is_primary),
        ip_block_group_id: Set(new.ip_block_group_id),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

/// A network that is called as its bridge is.
pub async fn insert(
    tx: &Tx,
    hypervisor_id: i64,
    bridge: &str,
    mtu: Option<i32>,
    is_primary: bool,
    now: Micros,
) -> Result<Model, StoreError> {
    let (name, kind, bridge) = (bridge.to_owned(), SIMPLE_BRIDGE.to_owned(), bridge.to_owned());
    let new =
        NewNetwork { hypervisor_id, name, kind, bridge, mtu, made: false, is_primary, ip_block_group_id: None, now };
    create(tx, new).await
}

/// Writes name, bridge and who makes it, type, MTU and group of IP blocks. A row that says that it is the default takes
/// that from the node's others.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    if row.is_default {
        let others = ActiveModel { is_default: Set(false), ..Default::default() };
        let of_node = Column::HypervisorId.eq(row.hypervisor_id);
        Entity::update_many().set(others).filter(of_node).filter(Column::Id.ne(row.id)).exec(tx).await?;
    }
    let changed = ActiveModel {
        name: Set(row.name),
        kind: Set(row.kind),
        bridge: Set(row.bridge),
        mtu: Set(row.mtu),
        made: Set(row.made),
        is_default: Set(row.is_default),
        ip_block_group_id: Set(row.ip_block_group_id),
        updated_at: Set(now),
        ..Default::default()
    };
    let rows = Entity::update_many().set(changed).filter(Column::Id.eq(row.id)).exec_with_returning(tx).await?;
    rows.into_iter().next().ok_or_else(|| StoreError::Corrupt(format!("hypervisor_networks: no row {}", row.id)))
}

/// Interfaces that are attached to it, and blocks of addresses that are bound to it.
pub async fn bound(db: &impl crate::Db, id: i64) -> Result<(i64, i64), StoreError> {
    let interfaces = "SELECT COUNT(*) FROM server_interfaces WHERE network_id = $1";
    let blocks = "SELECT COUNT(*) FROM ip_block_bindings WHERE network_id = $1";
    Ok((joined::number(db, interfaces, vec![id.into()]).await?, joined::number(db, blocks, vec![id.into()]).await?))
}

/// What guests are told has changed: the specifications of all servers with interfaces on it are new ones. Answers
/// those servers.
pub async fn renew_specifications(tx: &Tx, id: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "UPDATE servers SET generation = generation + 1 WHERE id IN (SELECT server_id FROM server_interfaces \
               WHERE network_id = $1) RETURNING id";
    let rows = joined::all(tx, sql, vec![id.into()]).await?;
    Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
}

pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// Of several nodes, the primary one of each first.
pub async fn of_hypervisors(db: &impl ConnectionTrait, hypervisor_ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::HypervisorId.is_in(hypervisor_ids.iter().copied()));
    Ok(query.order_by_desc(Column::IsPrimary).order_by_asc(Column::Id).all(db).await?)
}
