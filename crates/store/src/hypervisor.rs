//! Nodes with an agent.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx,
    entity::hypervisor::{ActiveModel, Column, Entity, Model},
};

/// Its agent has a certificate and answered.
pub const COMMISSIONED: i32 = 3;

#[derive(Clone, Debug)]
pub struct NewHypervisor {
    pub uuid: Uuid,
    pub group_id: i64,
    pub name: String,
    pub ip: String,
    pub hostname: Option<String>,
    pub port: i32,
    pub max_cpu: i64,
    pub max_memory_mib: i64,
    pub max_storage_gib: i64,
    pub data_dir: String,
    pub facts: Value,
    pub certificate_serial: Option<String>,
    pub certificate_expires_at: Option<Micros>,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewHypervisor) -> Result<Model, StoreError> {
    let NewHypervisor {
        uuid,
        group_id,
        name,
        ip,
        hostname,
        port,
        max_cpu,
        max_memory_mib,
        max_storage_gib,
        data_dir,
        facts,
        certificate_serial,
        certificate_expires_at,
        now,
    } = new;
    let row = ActiveModel {
        uuid: Set(uuid),
        group_id: Set(group_id),
        name: Set(name),
        ip: Set(ip),
        ip_alt: Set(None),
        hostname: Set(hostname),
        port: Set(port),
        ssh_port: Set(22),
        commissioned: Set(COMMISSIONED),
        maintenance: Set(false),
        enabled: Set(true),
        prohibit: Set(false),
        nf_type: Set(4),
        max_servers: Set(0),
        max_cpu: Set(max_cpu),
        max_memory_mib: Set(max_memory_mib),
        max_storage_gib: Set(max_storage_gib),
        data_dir: Set(data_dir),
        timezone: Set("UTC".to_owned()),
        facts: Set(facts),
        facts_at: Set(Some(now)),
        certificate_serial: Set(certificate_serial),
        certificate_expires_at: Set(certificate_expires_at),
        event_incarnation: Set(String::new()),
        event_sequence: Set(0),
        capacity_version: Set(0),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn by_uuid(db: &impl ConnectionTrait, uuid: Uuid) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Uuid.eq(uuid)).one(db).await?)
}

/// In order of their ids, and how many there are; only those of a group where one is named.
pub async fn page(
    db: &impl ConnectionTrait,
    group_id: Option<i64>,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Model>, u64), StoreError> {
    let mut query = Entity::find();
    if let Some(group_id) = group_id {
        query = query.filter(Column::GroupId.eq(group_id));
    }
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Those that may be talked to, in order of their ids; there are never so many that this is cut.
pub async fn commissioned(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Commissioned.eq(COMMISSIONED)).order_by_asc(Column::Id).all(db).await?)
}

/// Locks the row until the transaction ends, so that capacity that is then summed stays what it is.
pub async fn lock(tx: &Tx, id: i64) -> Result<Option<Model>, StoreError> {
    let locked = Entity::update_many()
        .col_expr(Column::CapacityVersion, Expr::col(Column::CapacityVersion).add(1))
        .filter(Column::Id.eq(id))
        .exec_with_returning(tx)
        .await?;
    Ok(locked.into_iter().next())
}

/// What the node last told of itself.
pub async fn set_facts(tx: &Tx, id: i64, facts: Value, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { facts: Set(facts), facts_at: Set(Some(now)), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Up to which of the node's events everything has been applied.
pub async fn set_event_position(tx: &Tx, id: i64, incarnation: &str, sequence: i64) -> Result<(), StoreError> {
    let row = ActiveModel {
        event_incarnation: Set(incarnation.to_owned()),
        event_sequence: Set(sequence),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

pub async fn set_certificate(
    tx: &Tx,
    id: i64,
    serial: &str,
    expires_at: Micros,
    now: Micros,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        certificate_serial: Set(Some(serial.to_owned())),
        certificate_expires_at: Set(Some(expires_at)),
        updated_at: Set(now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}
