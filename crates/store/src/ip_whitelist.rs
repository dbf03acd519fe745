//! Networks besides its own addresses that an interface's filter lets through.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::ip_whitelist::{ActiveModel, Column, Entity, Model},
};

/// Adds a network; one that is there already stays. True where it is new.
pub async fn add(
    tx: &Tx,
    interface_id: i64,
    family: i32,
    address: &str,
    prefix_len: i32,
    now: Micros,
) -> Result<bool, StoreError> {
    let same = Entity::find()
        .filter(Column::InterfaceId.eq(interface_id))
        .filter(Column::Address.eq(address))
        .filter(Column::PrefixLen.eq(prefix_len));
    if same.count(tx).await? > 0 {
        return Ok(false);
    }
    let row = ActiveModel {
        interface_id: Set(interface_id),
        family: Set(family),
        address: Set(address.to_owned()),
        prefix_len: Set(prefix_len),
        created_at: Set(now),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(true)
}

/// Removes the networks that begin with this address, of whatever length; answers how many there were.
pub async fn remove(tx: &Tx, interface_id: i64, address: &str) -> Result<u64, StoreError> {
    let these = Entity::delete_many().filter(Column::InterfaceId.eq(interface_id)).filter(Column::Address.eq(address));
    Ok(these.exec(tx).await?.rows_affected)
}

pub async fn of_interface(db: &impl Db, interface_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::InterfaceId.eq(interface_id)).order_by_asc(Column::Id).all(db).await?)
}
