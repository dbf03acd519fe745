//! IPv6 subnets: made when they are first given out, counted from 1 within their block (0 is kept back).

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        ip_block,
        ipv6_subnet::{ActiveModel, Column, Entity, Model},
    },
    joined,
};

/// Gives an interface the lowest subnet of the block that was released, or the next that was never given out.
/// `cut` makes the text of the subnet at an index, `None` past the block's end. `None` where the block is used up.
pub async fn allocate(
    tx: &Tx,
    block: &ip_block::Model,
    interface_id: i64,
    position: i32,
    now: Micros,
    cut: impl Fn(u64) -> Option<String>,
) -> Result<Option<Model>, StoreError> {
    let look = "SELECT (SELECT id FROM ipv6_subnets WHERE block_id = $1 AND interface_id IS NULL \
                ORDER BY subnet_index LIMIT 1) AS released, \
                COALESCE((SELECT subnet_index FROM ipv6_subnets WHERE block_id = $1 \
                ORDER BY subnet_index DESC LIMIT 1), 0) AS highest";
    let found = joined::one(tx, look, vec![block.id.into()]).await?;
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
        return Ok(Some(again.update(tx).await?));
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
    };
    Ok(Some(row.insert(tx).await?))
}

pub async fn of_interface(db: &impl Db, interface_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::InterfaceId.eq(interface_id)).order_by_asc(Column::Position).all(db).await?)
}
