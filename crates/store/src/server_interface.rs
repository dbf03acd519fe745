//! Network interfaces of servers.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::server_interface::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewInterface {
    pub server_id: i64,
    pub network_id: i64,
    /// 1 is the primary interface.
    pub position: i32,
    /// Ten decimal digits.
    pub tag: i64,
    pub mac: String,
    pub in_average_kbs: i64,
    pub out_average_kbs: i64,
    pub network_profile: i32,
    pub firewall_enabled: bool,
    pub now: Micros,
}

/// Fails with [`StoreError::Unique`] where the tag or the MAC is taken: draw again.
pub async fn insert(tx: &Tx, new: NewInterface) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: NotSet,
        server_id: Set(new.server_id),
        network_id: Set(new.network_id),
        position: Set(new.position),
        is_primary: Set(new.position == 1),
        enabled: Set(true),
        tag: Set(new.tag),
        mac: Set(new.mac),
        name: Set(format!("eth{}", new.position - 1)),
        driver: Set(None),
        in_average_kbs: Set(new.in_average_kbs),
        out_average_kbs: Set(new.out_average_kbs),
        ip_filter: Set(true),
        network_profile: Set(new.network_profile),
        firewall_enabled: Set(new.firewall_enabled),
        quarantined: Set(false),
        created_at: Set(new.now),
        updated_at: Set(new.now),
    };
    Ok(row.insert(tx).await?)
}

pub async fn of_server(db: &impl Db, server_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::ServerId.eq(server_id)).order_by_asc(Column::Position).all(db).await?)
}

/// What of an interface can be changed; its whole new state.
#[derive(Clone, Copy, Debug)]
pub struct InterfaceChange {
    pub driver: Option<i32>,
    pub ip_filter: bool,
    pub in_average_kbs: i64,
    pub out_average_kbs: i64,
    pub network_profile: i32,
    pub now: Micros,
}

pub async fn update(tx: &Tx, id: i64, change: InterfaceChange) -> Result<(), StoreError> {
    let row = ActiveModel {
        driver: Set(change.driver),
        ip_filter: Set(change.ip_filter),
        in_average_kbs: Set(change.in_average_kbs),
        out_average_kbs: Set(change.out_average_kbs),
        network_profile: Set(change.network_profile),
        updated_at: Set(change.now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}
