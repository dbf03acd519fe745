//! Servers: the rows themselves. What is read together with them is in [`crate::server_details`].

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, Value, prelude::Expr, sea_query::ExprTrait,
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::server::{ActiveModel, Column, Entity, Model},
    joined,
};

/// The guest has the time zone of its template's image.
pub const DEFAULT_TIMEZONE: &str = "_default";
/// The first user id that guests run under.
pub const FIRST_RUN_AS_UID: i64 = 2_000_000;

/// The state of a server whose deletion has not begun.
pub async fn by_id(db: &impl Db, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).filter(Column::Deleting.eq(false)).one(db).await?)
}

/// As [`by_id`], and also while the server is being deleted.
pub async fn by_id_even_deleting(db: &impl Db, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// How many servers are in each state, without those that are being deleted.
pub async fn counts(db: &impl Db) -> Result<Vec<(String, i64)>, StoreError> {
    let query = Entity::find()
        .select_only()
        .column(Column::State)
        .column_as(Column::Id.count(), "number")
        .filter(Column::Deleting.eq(false))
        .group_by(Column::State);
    Ok(query.into_tuple().all(db).await?)
}

pub async fn by_uuid_even_deleting(db: &impl Db, uuid: Uuid) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Uuid.eq(uuid)).one(db).await?)
}

/// A user's own, without one that is being deleted.
pub async fn of_owner(db: &impl Db, owner_id: i64, uuid: Uuid) -> Result<Option<Model>, StoreError> {
    let own = Entity::find().filter(Column::Uuid.eq(uuid)).filter(Column::OwnerId.eq(owner_id));
    Ok(own.filter(Column::Deleting.eq(false)).one(db).await?)
}

/// What differs from server to server when one is created; the rest of a new row is the same for all.
#[derive(Clone, Debug)]
pub struct NewServer {
    pub uuid: Uuid,
    pub owner_id: i64,
    pub hypervisor_id: i64,
    pub package_id: i64,
    pub memory_mib: i64,
    pub cpu_cores: i64,
    pub traffic_gb: i64,
    pub storage_profile: i32,
    pub network_profile: i32,
    pub backup_plan_id: Option<i64>,
    pub hypervisor_asset_groups: Vec<i64>,
    /// 0 is not metered, 1 by the hour, 2 of a resource pack.
    pub self_service: i32,
    /// Of [`crate::placement::lock`], which the caller holds.
    pub run_as_uid: i64,
    pub now: Micros,
}

/// Inserts a server that is not built.
pub async fn insert(tx: &Tx, new: NewServer) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: sea_orm::ActiveValue::NotSet,
        uuid: Set(new.uuid),
        owner_id: Set(new.owner_id),
        hypervisor_id: Set(new.hypervisor_id),
        package_id: Set(new.package_id),
        template_id: Set(None),
        name: Set(String::new()),
        hostname: Set(None),
        state: Set("allocated".to_owned()),
        commission_status: Set(0),
        rebuild: Set(false),
        suspended: Set(false),
        protected: Set(false),
        build_failed: Set(false),
        self_service: Set(new.self_service),
        timezone: Set(DEFAULT_TIMEZONE.to_owned()),
        memory_mib: Set(new.memory_mib),
        cpu_cores: Set(new.cpu_cores),
        traffic_gb: Set(new.traffic_gb),
        storage_profile: Set(new.storage_profile),
        network_profile: Set(new.network_profile),
        cpu_type: Set("inherit".to_owned()),
        cpu_shares: Set(1024),
        cpu_throttle: Set(0),
        cpu_fair_percent: Set(0),
        uefi: Set(false),
        boot_order: Set(serde_json::json!(["hd", "cdrom"])),
        password_enc: Set(String::new()),
        password_hash: Set(String::new()),
        swap_mib: Set(0),
        user_data: Set(String::new()),
        vnc_enabled: Set(false),
        build_uuid: Set(None),
        generation: Set(1),
        applied_generation: Set(0),
        run_as_uid: Set(new.run_as_uid),
        firewall_rulesets: Set(serde_json::json!([])),
        hypervisor_asset_groups: Set(serde_json::json!(new.hypervisor_asset_groups)),
        backup_plan_id: Set(new.backup_plan_id),
        backup_access: Set("inherit".to_owned()),
        delete_at: Set(None),
        deleting: Set(false),
        built_at: Set(None),
        last_on_at: Set(None),
        power: Set("off".to_owned()),
        power_at: Set(None),
        guest_agent: Set(false),
        ran_when_suspended: Set(false),
        iso_id: Set(None),
        iso_hypervisor_id: Set(None),
        custom_xml: Set(serde_json::json!({})),
        machine_type: Set("inherit".to_owned()),
        tpm_type: Set(0),
        image_digest: Set(String::new()),
        os_type: Set(String::new()),
        created_at: Set(new.now),
        updated_at: Set(new.now),
    };
    Ok(row.insert(tx).await?)
}

/// Servers of a node that are built and stay: id, UUID, and the generation of their specification.
pub async fn built_on(db: &impl Db, hypervisor_id: i64) -> Result<Vec<(i64, Uuid, i64)>, StoreError> {
    let query = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Uuid, Column::Generation])
        .filter(Column::HypervisorId.eq(hypervisor_id))
        .filter(Column::CommissionStatus.eq(3))
        .filter(Column::BuildFailed.eq(false))
        .filter(Column::Deleting.eq(false));
    Ok(query.order_by_asc(Column::Id).into_tuple().all(db).await?)
}

/// How far a server's node is behind its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Following {
    pub generation: i64,
    pub applied_generation: i64,
    /// Whether a job of the kind that was asked for is queued or running.
    pub is_worked_on: bool,
}

/// `None` where there is no such server, or it is being deleted.
pub async fn following(db: &impl Db, id: i64, kind: &str) -> Result<Option<Following>, StoreError> {
    let sql = "SELECT s.generation, s.applied_generation, EXISTS (SELECT 1 FROM jobs j WHERE j.server_id = s.id \
               AND j.kind = $1 AND j.state IN ('queued', 'running')) FROM servers s WHERE s.id = $2 AND s.deleting = FALSE";
    let Some(row) = joined::one(db, sql, vec![kind.into(), id.into()]).await? else { return Ok(None) };
    Ok(Some(Following {
        generation: row.try_get_by_index(0)?,
        applied_generation: row.try_get_by_index(1)?,
        is_worked_on: row.try_get_by_index(2)?,
    }))
}

/// Locks the row until the transaction ends, so that two changes of one server run one after the other.
pub async fn lock(tx: &Tx, id: i64) -> Result<Option<Model>, StoreError> {
    // An update takes the lock in the same way on both databases.
    let locked = Entity::update_many()
        .col_expr(Column::UpdatedAt, Expr::col(Column::UpdatedAt))
        .filter(Column::Id.eq(id))
        .filter(Column::Deleting.eq(false))
        .exec_with_returning(tx)
        .await?;
    Ok(locked.into_iter().next())
}

/// What an accepted build changes in the server's own row.
#[derive(Clone, Debug)]
pub struct BuildOrder {
    pub template_id: i64,
    /// What the template has now; it keeps this build's servers as they are when it gets another.
    pub image_digest: String,
    pub os_type: String,
    pub name: Option<String>,
    pub hostname: Option<String>,
    pub rebuild: bool,
    pub uefi: bool,
    pub password_enc: String,
    pub password_hash: String,
    pub swap_mib: i64,
    pub user_data: String,
    pub vnc_enabled: Option<bool>,
    pub build_uuid: Uuid,
    /// IANA name that the guest is given, or [`DEFAULT_TIMEZONE`].
    pub timezone: String,
    pub now: Micros,
}

/// Queued, with everything that the specification of the new build is made from.
pub async fn order_build(tx: &Tx, id: i64, order: BuildOrder) -> Result<(), StoreError> {
    let mut row = ActiveModel {
        template_id: Set(Some(order.template_id)),
        image_digest: Set(order.image_digest),
        os_type: Set(order.os_type),
        state: Set("queued".to_owned()),
        commission_status: Set(1),
        rebuild: Set(order.rebuild),
        build_failed: Set(false),
        uefi: Set(order.uefi),
        password_enc: Set(order.password_enc),
        password_hash: Set(order.password_hash),
        swap_mib: Set(order.swap_mib),
        user_data: Set(order.user_data),
        build_uuid: Set(Some(order.build_uuid)),
        timezone: Set(order.timezone),
        hostname: Set(order.hostname),
        updated_at: Set(order.now),
        ..Default::default()
    };
    if let Some(name) = order.name {
        row.name = Set(name);
    }
    if let Some(enabled) = order.vnc_enabled {
        row.vnc_enabled = Set(enabled);
    }
    Entity::update_many()
        .set(row)
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The password that the server is to have; takes effect in the guest by a job.
pub async fn set_password(tx: &Tx, id: i64, sealed: &str, hash: &str, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        password_enc: Set(sealed.to_owned()),
        password_hash: Set(hash.to_owned()),
        updated_at: Set(now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

pub async fn set_vnc_enabled(tx: &Tx, id: i64, enabled: bool, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { vnc_enabled: Set(enabled), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// When the server is to be deleted; `None` calls it off.
pub async fn set_delete_at(tx: &Tx, id: i64, at: Option<Micros>, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { delete_at: Set(at), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Hides the server for good; a job removes it from its node and then its rows.
pub async fn set_deleting(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { deleting: Set(true), delete_at: Set(None), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Servers that are being deleted get another owner, so that theirs may go before them. Nobody sees them any more.
pub async fn hand_over_deleting(tx: &Tx, from: i64, to: i64) -> Result<(), StoreError> {
    let row = ActiveModel { owner_id: Set(to), ..Default::default() };
    let theirs = Entity::update_many().set(row).filter(Column::OwnerId.eq(from)).filter(Column::Deleting.eq(true));
    theirs.exec(tx).await?;
    Ok(())
}

/// Servers whose delayed deletion is due, oldest first.
pub async fn due_for_deletion(db: &impl Db, now: Micros, limit: u64) -> Result<Vec<Model>, StoreError> {
    use sea_orm::QuerySelect;
    let due = Entity::find()
        .filter(Column::DeleteAt.lte(now))
        .filter(Column::Deleting.eq(false))
        .order_by_asc(Column::DeleteAt)
        .limit(limit);
    Ok(due.all(db).await?)
}

/// What a list of servers is narrowed to; an empty filter is all that are not being deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub hypervisor_ids: Vec<i64>,
    pub owner_id: Option<i64>,
    /// Owned by this user, or shared with them.
    pub seen_by: Option<i64>,
    pub uuid: Option<Uuid>,
    /// The whole name.
    pub name: Option<String>,
    /// Part of the name, the host name or the UUID, in any case.
    pub search: Option<String>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Line {
    pub id: i64,
    pub uuid: Uuid,
    pub name: String,
    pub commission_status: i32,
    pub owner_id: i64,
    pub hypervisor_id: i64,
    pub suspended: bool,
    pub protected: bool,
    pub updated_at: Micros,
    pub created_at: Micros,
}

const LINE: &str = "SELECT id, uuid, name, commission_status, owner_id, hypervisor_id, suspended, protected, \
                    updated_at, created_at FROM servers";

/// A page by id, and how many there are in all.
pub async fn page(db: &impl Db, filter: &Filter, offset: u64, limit: u64) -> Result<(Vec<Line>, u64), StoreError> {
    let (ids, total) = page_of_ids(db, filter, offset, limit).await?;
    let sql = format!("{LINE} WHERE id IN {} ORDER BY id", joined::list_text(ids.len(), 1));
    let rows = joined::all(db, &sql, joined::list_values(&ids)).await?;
    let lines = rows.iter().map(|row| Line::from_query_result(row, "")).collect::<Result<_, _>>()?;
    Ok((lines, total))
}

/// The ids of a page and how many there are in all, both from indexes alone where nothing is searched for.
pub async fn page_of_ids(
    db: &impl Db,
    filter: &Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<i64>, u64), StoreError> {
    let (condition, values) = condition(filter);
    let total = total(db, filter, &condition, &values).await?;
    let sql = format!("SELECT id FROM servers WHERE {condition} ORDER BY id LIMIT {limit} OFFSET {offset}");
    let rows = joined::all(db, &sql, values).await?;
    let ids = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    Ok((ids, total))
}

async fn total(db: &impl Db, filter: &Filter, condition: &str, values: &[Value]) -> Result<u64, StoreError> {
    // Counting a whole table is the one count that SQLite does page by page, not row by row, and the servers that
    // are being deleted are few.
    let total = if *filter == Filter::default() {
        joined::number(
            db,
            "SELECT (SELECT COUNT(*) FROM servers) - (SELECT COUNT(*) FROM servers WHERE deleting = TRUE)",
            Vec::new(),
        )
        .await?
    } else {
        joined::number(db, &format!("SELECT COUNT(*) FROM servers WHERE {condition}"), values.to_vec()).await?
    };
    Ok(u64::try_from(total).unwrap_or(0))
}

fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let mut parts = vec!["deleting = FALSE".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    if !filter.hypervisor_ids.is_empty() {
        parts.push(format!("hypervisor_id IN {}", joined::list_text(filter.hypervisor_ids.len(), 1)));
        values.extend(joined::list_values(&filter.hypervisor_ids));
    }
    if let Some(owner) = filter.owner_id {
        values.push(owner.into());
        parts.push(format!("owner_id = ${}", values.len()));
    }
    if let Some(user) = filter.seen_by {
        values.push(user.into());
        let n = values.len();
        // What is shared sleeps while its owner is suspended, as in `server_share`.
        parts.push(format!(
            "(owner_id = ${n} OR id IN (SELECT h.server_id FROM server_shares h JOIN servers v ON v.id = h.server_id \
             JOIN users o ON o.id = v.owner_id WHERE h.guest_id = ${n} AND o.suspended = FALSE))"
        ));
    }
    if let Some(uuid) = filter.uuid {
        values.push(uuid.into());
        parts.push(format!("uuid = ${}", values.len()));
    }
    if let Some(name) = &filter.name {
        values.push(name.clone().into());
        parts.push(format!("name = ${}", values.len()));
    }
    if let Some(search) = &filter.search {
        values.push(joined::containing(&search.to_lowercase()).into());
        let n = values.len();
        let mut any = format!("LOWER(name) LIKE ${n} ESCAPE '!' OR LOWER(hostname) LIKE ${n} ESCAPE '!'");
        if let Ok(uuid) = Uuid::parse_str(search.trim()) {
            values.push(uuid.into());
            any = format!("{any} OR uuid = ${}", values.len());
        }
        parts.push(format!("({any})"));
    }
    (parts.join(" AND "), values)
}

/// What is allocated on a node, counted from rows, servers that are being deleted included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    pub servers: i64,
    pub memory_mib: i64,
    pub cpu_cores: i64,
    /// In the node's own folder.
    pub storage_gib: i64,
    /// GiB on each of its storage points that has disks.
    pub points: Vec<(i64, i64)>,
}

impl Allocated {
    pub fn on_point(&self, id: i64) -> i64 {
        self.points.iter().find(|(point, _)| *point == id).map_or(0, |(_, gib)| *gib)
    }

    /// More, or less where it is below zero; `None` is the node's own folder.
    pub fn add_storage(&mut self, point: Option<i64>, gib: i64) {
        let Some(id) = point else {
            self.storage_gib += gib;
            return;
        };
        match self.points.iter_mut().find(|(known, _)| *known == id) {
            Some((_, sum)) => *sum += gib,
            None => self.points.push((id, gib)),
        }
    }
}

/// For each of the hypervisors that has servers.
pub async fn allocated(db: &impl ConnectionTrait, hypervisor_ids: &[i64]) -> Result<Vec<(i64, Allocated)>, StoreError> {
    let list = joined::list_text(hypervisor_ids.len(), 1);
    let sql = format!(
        "SELECT s.hypervisor_id, CAST(0 AS BIGINT), COUNT(*), CAST(SUM(s.memory_mib) AS BIGINT), \
         CAST(SUM(s.cpu_cores) AS BIGINT), CAST(SUM((SELECT COALESCE(SUM(d.capacity_gib), 0) FROM server_disks d \
         WHERE d.server_id = s.id AND d.storage_point_id IS NULL)) AS BIGINT) \
         FROM servers s WHERE s.hypervisor_id IN {list} GROUP BY s.hypervisor_id UNION ALL \
         SELECT p.hypervisor_id, p.id, 0, 0, 0, CAST(SUM(d.capacity_gib) AS BIGINT) FROM storage_points p \
         JOIN server_disks d ON d.storage_point_id = p.id WHERE p.hypervisor_id IN {list} \
         GROUP BY p.hypervisor_id, p.id ORDER BY 1, 2"
    );
    let mut sums: Vec<(i64, Allocated)> = Vec::new();
    for row in joined::all(db, &sql, joined::list_values(hypervisor_ids)).await? {
        let (of, point, gib) = (row.try_get_by_index(0)?, row.try_get_by_index::<i64>(1)?, row.try_get_by_index(5)?);
        match sums.last_mut().filter(|(known, _)| *known == of && point != 0) {
            Some((_, sum)) => sum.points.push((point, gib)),
            None => {
                let (servers, memory_mib) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
                let cpu_cores = row.try_get_by_index(4)?;
                sums.push((of, Allocated { servers, memory_mib, cpu_cores, storage_gib: gib, points: Vec::new() }));
            }
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_filter_hides_only_servers_that_are_being_deleted() {
        assert_eq!(condition(&Filter::default()).0, "deleting = FALSE");
    }
}
