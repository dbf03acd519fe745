//! VLANs of interfaces.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::interface_vlan::{ActiveModel, Column, Entity, Model},
};

/// A VLAN as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vlan {
    pub vlan: i32,
    pub native_mode: String,
    pub trunk: bool,
}

/// Fails with [`StoreError::Unique`] where the interface has that VLAN.
pub async fn insert(tx: &Tx, interface_id: i64, new: Vlan, now: Micros) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: NotSet,
        interface_id: Set(interface_id),
        vlan: Set(new.vlan),
        native_mode: Set(new.native_mode),
        trunk: Set(new.trunk),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// By their numbers.
pub async fn of_interfaces(db: &impl Db, interface_ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::InterfaceId.is_in(interface_ids.iter().copied()));
    Ok(query.order_by_asc(Column::Vlan).order_by_asc(Column::Id).all(db).await?)
}

/// Fails with [`StoreError::Unique`] where the interface has that VLAN in another row.
pub async fn update(tx: &Tx, id: i64, vlan: Vlan) -> Result<(), StoreError> {
    let row = ActiveModel {
        vlan: Set(vlan.vlan),
        native_mode: Set(vlan.native_mode),
        trunk: Set(vlan.trunk),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Of interfaces that go.
pub(crate) async fn forget(tx: &Tx, interface_ids: &[i64]) -> Result<(), StoreError> {
    let of = Column::InterfaceId.is_in(interface_ids.iter().copied());
    Entity::delete_many().filter(of).exec(tx).await?;
    Ok(())
}
