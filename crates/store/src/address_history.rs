//! Who held an address when: written with each change of an address, in its transaction.

use std::net::{Ipv4Addr, Ipv6Addr};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::ExprTrait,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        address_history::{ActiveModel, Column, Entity, Model},
        ip_block,
    },
    joined,
};

/// Notes which server holds those IPv4 addresses of the interface that it was given at `now`.
pub(crate) async fn ipv4_given(tx: &Tx, interface_id: i64, first_position: i32, now: Micros) -> Result<(), StoreError> {
    let sql = "INSERT INTO address_history (ipv4, prefix_len, server_id, server_uuid, user_id, interface_id, \
               assigned_at) SELECT a.address, 32, s.id, s.uuid, s.owner_id, i.id, a.assigned_at \
               FROM ipv4_addresses a JOIN server_interfaces i ON i.id = a.interface_id \
               JOIN servers s ON s.id = i.server_id \
               WHERE a.interface_id = $1 AND a.position >= $2 AND a.assigned_at = $3";
    joined::all(tx, sql, vec![interface_id.into(), i64::from(first_position).into(), now.into()]).await?;
    Ok(())
}

pub(crate) async fn ipv6_given(tx: &Tx, subnet_id: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO address_history (ipv6, prefix_len, server_id, server_uuid, user_id, interface_id, \
               assigned_at) SELECT v.subnet, v.prefix_len, s.id, s.uuid, s.owner_id, i.id, v.assigned_at \
               FROM ipv6_subnets v JOIN server_interfaces i ON i.id = v.interface_id \
               JOIN servers s ON s.id = i.server_id WHERE v.id = $1";
    joined::all(tx, sql, vec![subnet_id.into()]).await?;
    Ok(())
}

/// Everything that these interfaces hold ends.
pub(crate) async fn all_released(tx: &Tx, interface_ids: &[i64], now: Micros) -> Result<(), StoreError> {
    released(tx, Condition::all().add(Column::InterfaceId.is_in(interface_ids.iter().copied())), now).await
}

pub(crate) async fn ipv4_released(tx: &Tx, addresses: &[i64], now: Micros) -> Result<(), StoreError> {
    released(tx, Condition::all().add(Column::Ipv4.is_in(addresses.iter().copied())), now).await
}

pub(crate) async fn ipv6_released(tx: &Tx, subnets: &[String], now: Micros) -> Result<(), StoreError> {
    released(tx, Condition::all().add(Column::Ipv6.is_in(subnets.iter().cloned())), now).await
}

async fn released(tx: &Tx, which: Condition, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { released_at: Set(Some(now)), ..Default::default() };
    Entity::update_many().set(row).filter(which).filter(Column::ReleasedAt.is_null()).exec(tx).await?;
    Ok(())
}

/// Holdings of an IPv4 address, the newest first, and how many there are; with `at`, only what held at that time.
pub async fn of_ipv4(
    db: &impl Db,
    address: Ipv4Addr,
    at: Option<Micros>,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Model>, u64), StoreError> {
    page(db, Condition::all().add(Column::Ipv4.eq(i64::from(u32::from(address)))), at, offset, limit).await
}

/// Of every subnet that holds an IPv6 address.
pub async fn of_ipv6(
    db: &impl Db,
    address: Ipv6Addr,
    at: Option<Micros>,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Model>, u64), StoreError> {
    let lengths: Vec<i32> = ip_block::Entity::find()
        .select_only()
        .column(ip_block::Column::SubnetPrefixLen)
        .distinct()
        .filter(ip_block::Column::SubnetPrefixLen.is_not_null())
        .into_tuple()
        .all(db)
        .await?;
    let mut holds = Condition::any().add(Column::Ipv6.eq(address.to_string()).and(Column::PrefixLen.eq(128)));
    for length in lengths {
        let Some(net) = u8::try_from(length).ok().and_then(|length| ipnet::Ipv6Net::new(address, length).ok()) else {
            continue;
        };
        holds = holds.add(Column::Ipv6.eq(net.network().to_string()).and(Column::PrefixLen.eq(length)));
    }
    page(db, holds, at, offset, limit).await
}

async fn page(
    db: &impl Db,
    holds: Condition,
    at: Option<Micros>,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Model>, u64), StoreError> {
    let mut query = Entity::find().filter(holds);
    if let Some(at) = at {
        let not_ended = Column::ReleasedAt.is_null().or(Column::ReleasedAt.gt(at));
        query = query.filter(Column::AssignedAt.lte(at)).filter(not_ended);
    }
    let total = query.clone().count(db).await?;
    let newest_first = query.order_by_desc(Column::AssignedAt).order_by_desc(Column::Id);
    Ok((newest_first.offset(offset).limit(limit).all(db).await?, total))
}
