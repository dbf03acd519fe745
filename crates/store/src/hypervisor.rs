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
    entity::{
        hypervisor::{ActiveModel, Column, Entity, Model},
        hypervisor_comparison, hypervisor_drift, hypervisor_metric, hypervisor_network, hypervisor_selftest,
        ip_block_binding, server, storage_metric, storage_point as point_entity, storage_test,
    },
    joined, storage_point,
};

/// Its agent has a certificate and answered.
pub const COMMISSIONED: i32 = 3;

/// The Global API's code of the packet filters that nodes have: nftables' own, for IPv4 and IPv6.
pub const NF_TYPE: i32 = 4;

/// What leaves a choice to the next one who has it: the node, and then its agent.
pub const INHERIT: &str = "inherit";

/// Virtual cores for each core that a new node gives out, until somebody says otherwise.
pub const CPU_OVERCOMMIT_PERCENT: i64 = 400;

/// What is remembered of a certificate that a node was given.
#[derive(Clone, Debug)]
pub struct NodeCertificate {
    /// In hex.
    pub serial: String,
    pub expires_at: Micros,
    /// Hex of SHA-256 over the public key.
    pub key_sha256: String,
}

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
    pub certificate: Option<NodeCertificate>,
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
        certificate,
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
        nf_type: Set(NF_TYPE),
        max_servers: Set(0),
        max_cpu: Set(max_cpu),
        max_memory_mib: Set(max_memory_mib),
        max_storage_gib: Set(max_storage_gib),
        cpu_overcommit_percent: Set(CPU_OVERCOMMIT_PERCENT),
        memory_overcommit_percent: Set(100),
        storage_overcommit_percent: Set(100),
        default_disk_type: Set(INHERIT.to_owned()),
        default_disk_cache_type: Set(INHERIT.to_owned()),
        data_dir: Set(data_dir),
        timezone: Set("UTC".to_owned()),
        facts: Set(facts),
        facts_at: Set(Some(now)),
        certificate_serial: Set(certificate.as_ref().map(|certificate| certificate.serial.clone())),
        certificate_expires_at: Set(certificate.as_ref().map(|certificate| certificate.expires_at)),
        key_sha256: Set(certificate.map(|certificate| certificate.key_sha256)),
        event_incarnation: Set(String::new()),
        event_sequence: Set(0),
        capacity_version: Set(0),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = Entity::insert(row).exec_with_returning(tx).await?;
    storage_point::ensure_local(tx, row.id, now).await?;
    Ok(row)
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
/// What the node says of itself, its time zone by its IANA name.
pub async fn set_facts(tx: &Tx, id: i64, facts: Value, timezone: &str, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        facts: Set(facts),
        facts_at: Set(Some(now)),
        timezone: Set(timezone.to_owned()),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Moves past an event of the node; `false` where that one was applied before, by whomever.
pub async fn advance_events(tx: &Tx, id: i64, incarnation: &str, sequence: i64) -> Result<bool, StoreError> {
    let row = ActiveModel {
        event_incarnation: Set(incarnation.to_owned()),
        event_sequence: Set(sequence),
        ..Default::default()
    };
    let newer = Column::EventIncarnation.ne(incarnation).or(Column::EventSequence.lt(sequence));
    let moved = Entity::update_many().set(row).filter(Column::Id.eq(id)).filter(newer).exec(tx).await?;
    Ok(moved.rows_affected == 1)
}

/// A new certificate for a node that is known.
pub async fn set_certificate(tx: &Tx, id: i64, certificate: NodeCertificate, now: Micros) -> Result<(), StoreError> {
    let NodeCertificate { serial, expires_at, key_sha256 } = certificate;
    let row = ActiveModel {
        certificate_serial: Set(Some(serial)),
        certificate_expires_at: Set(Some(expires_at)),
        key_sha256: Set(Some(key_sha256)),
        updated_at: Set(now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Writes what an administrator changes of a node; what the node says of itself stays.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    let change = ActiveModel {
        id: Set(row.id),
        group_id: Set(row.group_id),
        name: Set(row.name),
        maintenance: Set(row.maintenance),
        enabled: Set(row.enabled),
        prohibit: Set(row.prohibit),
        nf_type: Set(row.nf_type),
        max_servers: Set(row.max_servers),
        max_cpu: Set(row.max_cpu),
        max_memory_mib: Set(row.max_memory_mib),
        max_storage_gib: Set(row.max_storage_gib),
        cpu_overcommit_percent: Set(row.cpu_overcommit_percent),
        memory_overcommit_percent: Set(row.memory_overcommit_percent),
        storage_overcommit_percent: Set(row.storage_overcommit_percent),
        default_disk_type: Set(row.default_disk_type),
        default_disk_cache_type: Set(row.default_disk_cache_type),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::update(change).exec(tx).await?)
}

/// Servers of the node with disks that take its cache mode get a new generation, for their specifications name another
/// one now. Answers their ids.
pub async fn renew_disk_caches(tx: &Tx, id: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "UPDATE servers SET generation = generation + 1 WHERE hypervisor_id = $1 AND id IN \
               (SELECT server_id FROM server_disks WHERE cache IS NULL) RETURNING id";
    let rows = joined::all(tx, sql, vec![id.into()]).await?;
    Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
}

/// How many servers are on a node, and how many of them are being deleted.
pub async fn servers(db: &impl ConnectionTrait, id: i64) -> Result<(u64, u64), StoreError> {
    let all = server::Entity::find().filter(server::Column::HypervisorId.eq(id));
    let deleting = all.clone().filter(server::Column::Deleting.eq(true));
    Ok((all.count(db).await?, deleting.count(db).await?))
}

/// How many nodes a group has.
pub async fn count_of_group(db: &impl ConnectionTrait, group_id: i64) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::GroupId.eq(group_id)).count(db).await?)
}

/// Removes a node that has no servers, with its networks, their blocks' bindings, its storage points and its figures.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    let networks = hypervisor_network::Entity::find()
        .select_only()
        .column(hypervisor_network::Column::Id)
        .filter(hypervisor_network::Column::HypervisorId.eq(id));
    let networks: Vec<i64> = networks.into_tuple().all(tx).await?;
    let bound = ip_block_binding::Column::NetworkId.is_in(networks);
    ip_block_binding::Entity::delete_many().filter(bound).exec(tx).await?;
    hypervisor_network::Entity::delete_many().filter(hypervisor_network::Column::HypervisorId.eq(id)).exec(tx).await?;
    hypervisor_metric::Entity::delete_many().filter(hypervisor_metric::Column::HypervisorId.eq(id)).exec(tx).await?;
    storage_metric::Entity::delete_many().filter(storage_metric::Column::HypervisorId.eq(id)).exec(tx).await?;
    checks_removed(tx, id).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Self-tests, comparisons and storage points.
async fn checks_removed(tx: &Tx, id: i64) -> Result<(), StoreError> {
    let tests = hypervisor_selftest::Column::HypervisorId.eq(id);
    hypervisor_selftest::Entity::delete_many().filter(tests).exec(tx).await?;
    storage_test::Entity::delete_many().filter(storage_test::Column::HypervisorId.eq(id)).exec(tx).await?;
    hypervisor_drift::Entity::delete_many().filter(hypervisor_drift::Column::HypervisorId.eq(id)).exec(tx).await?;
    let comparison = hypervisor_comparison::Column::HypervisorId.eq(id);
    hypervisor_comparison::Entity::delete_many().filter(comparison).exec(tx).await?;
    point_entity::Entity::delete_many().filter(point_entity::Column::HypervisorId.eq(id)).exec(tx).await?;
    Ok(())
}
