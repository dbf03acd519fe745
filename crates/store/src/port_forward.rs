//! Ports of nodes that lead to servers.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::port_forward::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewForward {
    pub hypervisor_id: i64,
    pub interface_id: i64,
    pub protocol: String,
    pub public_port: i32,
    pub address: i64,
    pub port: i32,
    pub now: Micros,
}

/// Fails with [`StoreError::Unique`] where the node's port leads elsewhere.
pub async fn insert(tx: &Tx, new: NewForward) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: NotSet,
        hypervisor_id: Set(new.hypervisor_id),
        interface_id: Set(new.interface_id),
        protocol: Set(new.protocol),
        public_port: Set(new.public_port),
        address: Set(new.address),
        port: Set(new.port),
        created_at: Set(new.now),
    };
    Ok(row.insert(tx).await?)
}

/// Of several interfaces, in the order in which they were made.
pub async fn of_interfaces(db: &impl Db, interface_ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::InterfaceId.is_in(interface_ids.iter().copied()));
    Ok(query.order_by_asc(Column::Id).all(db).await?)
}

/// Ports of a node that lead somewhere, in order.
pub async fn used_ports(db: &impl Db, hypervisor_id: i64, protocol: &str) -> Result<Vec<i32>, StoreError> {
    let query = Entity::find().select_only().column(Column::PublicPort);
    let query = query.filter(Column::HypervisorId.eq(hypervisor_id)).filter(Column::Protocol.eq(protocol));
    Ok(query.order_by_asc(Column::PublicPort).into_tuple().all(db).await?)
}

pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Those to addresses that these interfaces no longer have.
pub async fn remove_of_addresses(tx: &Tx, interface_ids: &[i64], addresses: &[i64]) -> Result<u64, StoreError> {
    let gone = Entity::delete_many()
        .filter(Column::InterfaceId.is_in(interface_ids.iter().copied()))
        .filter(Column::Address.is_in(addresses.iter().copied()))
        .exec(tx)
        .await?;
    Ok(gone.rows_affected)
}

/// Of interfaces that go.
pub(crate) async fn forget(tx: &Tx, interface_ids: &[i64]) -> Result<(), StoreError> {
    let of = Column::InterfaceId.is_in(interface_ids.iter().copied());
    Entity::delete_many().filter(of).exec(tx).await?;
    Ok(())
}
