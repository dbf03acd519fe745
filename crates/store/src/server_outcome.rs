//! What jobs and nodes' events change in a server's row, and its removal.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx,
    entity::{
        console_token, firewall_rule, ip_whitelist, ipv4_address, ipv6_subnet, job, pending_action,
        server::{ActiveModel, Column, Entity},
        server_disk, server_interface, server_ssh_key,
    },
};

/// The build has begun on the node.
pub async fn building(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        state: Set("building".to_owned()),
        commission_status: Set(2),
        updated_at: Set(now),
        ..Default::default()
    };
    set(tx, id, row).await
}

/// The build has ended well; the guest runs.
pub async fn built(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        state: Set("complete".to_owned()),
        commission_status: Set(3),
        build_failed: Set(false),
        rebuild: Set(false),
        built_at: Set(Some(now)),
        last_on_at: Set(Some(now)),
        power: Set("running".to_owned()),
        power_at: Set(Some(now)),
        updated_at: Set(now),
        ..Default::default()
    };
    set(tx, id, row).await
}

/// The build has failed for good; the next one begins anew.
pub async fn build_failed(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        state: Set("failed".to_owned()),
        commission_status: Set(2),
        build_failed: Set(true),
        rebuild: Set(false),
        updated_at: Set(now),
        ..Default::default()
    };
    set(tx, id, row).await
}

/// What the guest was last seen doing: `running`, `off`, `paused`, `crashed`.
pub async fn power(tx: &Tx, id: i64, power: &str, at: Micros) -> Result<(), StoreError> {
    let mut row = ActiveModel { power: Set(power.to_owned()), power_at: Set(Some(at)), ..Default::default() };
    if power == "running" {
        row.last_on_at = Set(Some(at));
    } else {
        row.guest_agent = Set(false);
    }
    // Events and jobs tell of the same change in any order; the newest of them counts.
    let not_newer = Column::PowerAt.is_null().or(Column::PowerAt.lte(at));
    Entity::update_many().set(row).filter(Column::Id.eq(id)).filter(not_newer).exec(tx).await?;
    Ok(())
}

/// Its guest agent answered.
pub async fn guest_up(tx: &Tx, id: i64) -> Result<(), StoreError> {
    set(tx, id, ActiveModel { guest_agent: Set(true), ..Default::default() }).await
}

/// A new specification: the node takes only newer ones. Answers the new generation.
pub async fn next_generation(tx: &Tx, id: i64) -> Result<Option<i64>, StoreError> {
    let rows = Entity::update_many()
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .filter(Column::Id.eq(id))
        .exec_with_returning(tx)
        .await?;
    Ok(rows.first().map(|row| row.generation))
}

/// Its node has carried out the specification of that generation. What it said before is never taken back.
pub async fn applied(tx: &Tx, id: i64, generation: i64) -> Result<(), StoreError> {
    let row = ActiveModel { applied_generation: Set(generation), ..Default::default() };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .filter(Column::AppliedGeneration.lt(generation))
        .exec(tx)
        .await?;
    Ok(())
}

/// Servers of a node that it is not known to have carried out the newest specification of: id, UUID, and its generation.
pub async fn unconfirmed_on(db: &impl crate::Db, hypervisor_id: i64) -> Result<Vec<(i64, Uuid, i64)>, StoreError> {
    let query = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Uuid, Column::Generation])
        .filter(Column::HypervisorId.eq(hypervisor_id))
        .filter(Expr::col(Column::AppliedGeneration).lt(Expr::col(Column::Generation)));
    Ok(query.into_tuple().all(db).await?)
}

/// Which server a node means.
pub async fn id_of(db: &impl crate::Db, uuid: Uuid) -> Result<Option<i64>, StoreError> {
    Ok(Entity::find().select_only().column(Column::Id).filter(Column::Uuid.eq(uuid)).into_tuple().one(db).await?)
}

/// Removes the server's rows and frees its addresses. Its jobs stay, with its id.
pub async fn remove(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let interfaces: Vec<i64> = server_interface::Entity::find()
        .select_only()
        .column(server_interface::Column::Id)
        .filter(server_interface::Column::ServerId.eq(id))
        .into_tuple()
        .all(tx)
        .await?;
    ipv4_address::Entity::update_many()
        .set(crate::ipv4_address::freed(now))
        .filter(ipv4_address::Column::InterfaceId.is_in(interfaces.iter().copied()))
        .exec(tx)
        .await?;
    ipv6_subnet::Entity::update_many()
        .set(crate::ipv6_subnet::freed(now))
        .filter(ipv6_subnet::Column::InterfaceId.is_in(interfaces.iter().copied()))
        .exec(tx)
        .await?;
    crate::address_history::all_released(tx, &interfaces, now).await?;
    crate::traffic::forget(tx, id, &interfaces).await?;
    crate::cpu_fairness::forget(tx, id).await?;
    crate::self_service::run_out::forget(tx, id).await?;
    crate::server_share::of_server_gone(tx, id).await?;
    crate::port_forward::forget(tx, &interfaces).await?;
    crate::extra_mac::forget_unused(tx, &interfaces).await?;
    crate::interface_vlan::forget(tx, &interfaces).await?;
    firewall_rule::Entity::delete_many()
        .filter(firewall_rule::Column::InterfaceId.is_in(interfaces.iter().copied()))
        .exec(tx)
        .await?;
    ip_whitelist::Entity::delete_many()
        .filter(ip_whitelist::Column::InterfaceId.is_in(interfaces.iter().copied()))
        .exec(tx)
        .await?;
    server_interface::Entity::delete_many().filter(server_interface::Column::ServerId.eq(id)).exec(tx).await?;
    server_disk::Entity::delete_many().filter(server_disk::Column::ServerId.eq(id)).exec(tx).await?;
    server_ssh_key::Entity::delete_many().filter(server_ssh_key::Column::ServerId.eq(id)).exec(tx).await?;
    pending_action::Entity::delete_many().filter(pending_action::Column::ServerId.eq(id)).exec(tx).await?;
    console_token::Entity::delete_many().filter(console_token::Column::ServerId.eq(id)).exec(tx).await?;
    // A job row has no foreign key to its server, so ended jobs still say which server they were for.
    let stopped = job::ActiveModel {
        state: Set(crate::job::CANCELLED.to_owned()),
        error: Set(Some("The server was deleted.".to_owned())),
        finished_at: Set(Some(now)),
        updated_at: Set(now),
        ..Default::default()
    };
    job::Entity::update_many()
        .set(stopped)
        .filter(job::Column::ServerId.eq(id))
        .filter(job::Column::State.eq(crate::job::QUEUED))
        .exec(tx)
        .await?;
    // What is allocated on the node changes, so sums that were taken before are stale.
    if let Some(server) = Entity::delete_by_id(id).exec_with_returning(tx).await? {
        if let Some(iso_id) = server.iso_id {
            crate::iso::forget_unused(tx, iso_id).await?;
        }
        crate::hypervisor::lock(tx, server.hypervisor_id).await?;
    }
    Ok(())
}

async fn set(tx: &Tx, id: i64, row: ActiveModel) -> Result<(), StoreError> {
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}
