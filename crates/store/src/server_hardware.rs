//! What of a server's definition no package says: virtual hardware, and an administrator's own XML. The caller holds the
//! server's lock.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    Micros, StoreError, Tx,
    entity::server::{ActiveModel, Column, Entity, Model},
};

/// Virtual hardware that no package says. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardware {
    pub boot_order: Option<serde_json::Value>,
    pub machine_type: Option<String>,
    pub cpu_type: Option<String>,
    pub tpm_type: Option<i32>,
}

/// For the server's next specification. Answers the row as it is then.
pub async fn set_hardware(tx: &Tx, id: i64, hardware: Hardware, now: Micros) -> Result<Option<Model>, StoreError> {
    let Hardware { boot_order, machine_type, cpu_type, tpm_type } = hardware;
    let row = ActiveModel {
        boot_order: boot_order.map_or_else(Default::default, Set),
        machine_type: machine_type.map_or_else(Default::default, Set),
        cpu_type: cpu_type.map_or_else(Default::default, Set),
        tpm_type: tpm_type.map_or_else(Default::default, Set),
        updated_at: Set(now),
        ..Default::default()
    };
    let changed = Entity::update_many()
        .set(row)
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .filter(Column::Id.eq(id))
        .exec_with_returning(tx)
        .await?;
    Ok(changed.into_iter().next())
}

/// An administrator's own XML, for the server's next specification.
pub async fn set_custom_xml(tx: &Tx, id: i64, pieces: serde_json::Value, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { custom_xml: Set(pieces), updated_at: Set(now), ..Default::default() };
    Entity::update_many()
        .set(row)
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}
