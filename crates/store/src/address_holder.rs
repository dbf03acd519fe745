//! Which server holds an address now.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::{
    Db, StoreError,
    entity::{ip_block, ipv4_address, ipv6_subnet, server_interface},
};

/// Of an IPv4 address as a number.
pub async fn of_ipv4(db: &impl Db, address: u32) -> Result<Option<i64>, StoreError> {
    let query = ipv4_address::Entity::find().filter(ipv4_address::Column::Address.eq(i64::from(address)));
    match query.one(db).await?.and_then(|row| row.interface_id) {
        Some(interface) => of_interface(db, interface).await,
        None => Ok(None),
    }
}

/// How long the subnets of IPv6 blocks are: an address is in one of these cuts of it.
pub async fn ipv6_lengths(db: &impl Db) -> Result<Vec<i32>, StoreError> {
    let query = ip_block::Entity::find().select_only().column(ip_block::Column::SubnetPrefixLen).distinct();
    let lengths: Vec<Option<i32>> = query.into_tuple().all(db).await?;
    Ok(lengths.into_iter().flatten().collect())
}

/// Of the one of these subnets that is given out; each with its length.
pub async fn of_ipv6(db: &impl Db, subnets: &[(String, i32)]) -> Result<Option<i64>, StoreError> {
    for (subnet, length) in subnets {
        let query = ipv6_subnet::Entity::find()
            .filter(ipv6_subnet::Column::Subnet.eq(subnet.as_str()))
            .filter(ipv6_subnet::Column::PrefixLen.eq(*length));
        if let Some(interface) = query.one(db).await?.and_then(|row| row.interface_id) {
            return of_interface(db, interface).await;
        }
    }
    Ok(None)
}

async fn of_interface(db: &impl Db, interface_id: i64) -> Result<Option<i64>, StoreError> {
    let interface = server_interface::Entity::find_by_id(interface_id).one(db).await?;
    Ok(interface.map(|interface| interface.server_id))
}
