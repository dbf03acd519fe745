//! Further MAC addresses of interfaces, for addresses and subnets that are used under no other.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        extra_mac::{ActiveModel, Column, Entity, Model},
        ipv4_address, ipv6_subnet,
    },
    joined,
};

/// Which of an interface's addresses is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    Ipv4(i64),
    Ipv6(i64),
}

/// Says under which MAC address one of an interface's addresses is used; `None` is the interface's own. Fails with
/// [`StoreError::Unique`] where another interface has it. False where the interface has no such address.
pub async fn set(
    tx: &Tx,
    interface_id: i64,
    holder: Holder,
    mac: Option<&str>,
    now: Micros,
) -> Result<bool, StoreError> {
    let written = match holder {
        Holder::Ipv4(id) => {
            let row = ipv4_address::ActiveModel { mac: Set(mac.map(str::to_owned)), ..Default::default() };
            let these = ipv4_address::Entity::update_many().set(row).filter(ipv4_address::Column::Id.eq(id));
            these.filter(ipv4_address::Column::InterfaceId.eq(interface_id)).exec(tx).await?
        }
        Holder::Ipv6(id) => {
            let row = ipv6_subnet::ActiveModel { mac: Set(mac.map(str::to_owned)), ..Default::default() };
            let these = ipv6_subnet::Entity::update_many().set(row).filter(ipv6_subnet::Column::Id.eq(id));
            these.filter(ipv6_subnet::Column::InterfaceId.eq(interface_id)).exec(tx).await?
        }
    };
    if written.rows_affected == 0 {
        return Ok(false);
    }
    forget_unused(tx, &[interface_id]).await?;
    if let Some(mac) = mac
        && of_interface(tx, interface_id).await?.iter().all(|known| known.mac != mac)
    {
        let row =
            ActiveModel { id: NotSet, mac: Set(mac.to_owned()), interface_id: Set(interface_id), created_at: Set(now) };
        Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(true)
}

/// In the order in which they came.
pub async fn of_interface(db: &impl Db, interface_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::InterfaceId.eq(interface_id)).order_by_asc(Column::Id).all(db).await?)
}

/// Those under which none of these interfaces' addresses is used any more.
pub(crate) async fn forget_unused(tx: &Tx, interface_ids: &[i64]) -> Result<(), StoreError> {
    let sql = format!(
        "DELETE FROM extra_macs WHERE interface_id IN {} \
         AND NOT EXISTS (SELECT 1 FROM ipv4_addresses a WHERE a.interface_id = extra_macs.interface_id \
         AND a.mac = extra_macs.mac) \
         AND NOT EXISTS (SELECT 1 FROM ipv6_subnets v WHERE v.interface_id = extra_macs.interface_id \
         AND v.mac = extra_macs.mac) RETURNING id",
        joined::list_text(interface_ids.len(), 1)
    );
    joined::all(tx, &sql, joined::list_values(interface_ids)).await?;
    Ok(())
}
