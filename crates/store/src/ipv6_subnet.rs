//! IPv6 subnets: made when they are first given out, counted from 1 within their block (0 is kept back).

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};

use crate::{
    Db, Micros, StoreError, Tx, address_history,
    entity::{
        ip_block,
        ipv6_subnet::{ActiveModel, Column, Entity, Model},
    },
    extra_mac, joined,
};

/// The subnet of a block that has been free for the longest, at least since a time, and the last that was made. Each is
/// read off an index.
pub(crate) const NEXT_FREE: &str = "SELECT (SELECT id FROM ipv6_subnets WHERE block_id = $1 AND interface_id IS NULL \
     AND free_since <= $2 ORDER BY free_since, subnet_index LIMIT 1) AS released, \
     COALESCE((SELECT subnet_index FROM ipv6_subnets WHERE block_id = $1 \
     ORDER BY subnet_index DESC LIMIT 1), 0) AS highest";

/// Gives an interface the subnet of the block that has been free for the longest, at least since `rested_since`, or the
/// next that was never given out. `cut` makes the text of the subnet at an index, `None` past the block's end. `None` where the block is used up.
pub async fn allocate(
    tx: &Tx,
    block: &ip_block::Model,
    interface_id: i64,
    position: i32,
    (rested_since, now): (Micros, Micros),
    cut: impl Fn(u64) -> Option<String>,
) -> Result<Option<Model>, StoreError> {
    let found = joined::one(tx, NEXT_FREE, vec![block.id.into(), rested_since.into()]).await?;
    let (released, highest) = match &found {
        Some(row) => (row.try_get::<Option<i64>>("", "released")?, row.try_get::<i64>("", "highest")?),
        None => (None, 0),
    };
    if let Some(id) = released {
        let again = ActiveModel {
            id: Set(id),
            interface_id: Set(Some(interface_id)),
            position: Set(position),
            assigned_at: Set(Some(now)),
            released_at: Set(None),
            ..Default::default()
        };
        let given = again.update(tx).await?;
        address_history::ipv6_given(tx, given.id).await?;
        return Ok(Some(given));
    }
    let index = highest + 1;
    let (Some(subnet), Some(prefix_len)) = (cut(index.unsigned_abs()), block.subnet_prefix_len) else {
        return Ok(None);
    };
    let row = ActiveModel {
        id: NotSet,
        block_id: Set(block.id),
        subnet_index: Set(index),
        subnet: Set(subnet),
        prefix_len: Set(prefix_len),
        interface_id: Set(Some(interface_id)),
        position: Set(position),
        assigned_at: Set(Some(now)),
        released_at: Set(None),
        created_at: Set(now),
        free_since: Set(0),
        mac: Set(None),
    };
    let given = row.insert(tx).await?;
    address_history::ipv6_given(tx, given.id).await?;
    Ok(Some(given))
}

pub async fn of_interface(db: &impl Db, interface_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::InterfaceId.eq(interface_id)).order_by_asc(Column::Position).all(db).await?)
}

/// Gives an interface a subnet that is free, and was given out before. `None` where there is none of that text.
pub async fn take(
    tx: &Tx,
    block_id: i64,
    subnet: &str,
    interface_id: i64,
    position: i32,
    now: Micros,
) -> Result<Option<Model>, StoreError> {
    let row = ActiveModel {
        interface_id: Set(Some(interface_id)),
        position: Set(position),
        assigned_at: Set(Some(now)),
        released_at: Set(None),
        ..Default::default()
    };
    let given = Entity::update_many()
        .set(row)
        .filter(Column::BlockId.eq(block_id))
        .filter(Column::Subnet.eq(subnet))
        .filter(Column::InterfaceId.is_null())
        .exec_with_returning(tx)
        .await?;
    let given = given.into_iter().next();
    if let Some(given) = &given {
        address_history::ipv6_given(tx, given.id).await?;
    }
    Ok(given)
}

/// Takes these subnets from these interfaces; answers those that they had.
pub async fn release(
    tx: &Tx,
    interface_ids: &[i64],
    subnet_ids: &[i64],
    now: Micros,
) -> Result<Vec<Model>, StoreError> {
    let rows = Entity::update_many()
        .set(freed(now))
        .filter(Column::InterfaceId.is_in(interface_ids.iter().copied()))
        .filter(Column::Id.is_in(subnet_ids.iter().copied()))
        .exec_with_returning(tx)
        .await?;
    let subnets: Vec<String> = rows.iter().map(|row| row.subnet.clone()).collect();
    address_history::ipv6_released(tx, &subnets, now).await?;
    extra_mac::forget_unused(tx, interface_ids).await?;
    Ok(rows)
}

/// As it is once nobody has it.
pub(crate) fn freed(now: Micros) -> ActiveModel {
    ActiveModel {
        interface_id: Set(None),
        assigned_at: Set(None),
        released_at: Set(Some(now)),
        free_since: Set(now),
        mac: Set(None),
        ..Default::default()
    }
}
