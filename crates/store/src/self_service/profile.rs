//! Group profiles, what each allows, and who has which.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, IntoActiveModel, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        metered_server,
        self_service_profile::{ActiveModel, Column, Entity, Model},
        self_service_profile_item as item, server, user_profile,
    },
};

pub const HOURLY: &str = "hourly";
pub const RESOURCE: &str = "resource";

/// What a profile allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    pub groups: Vec<i64>,
    pub packages: Vec<i64>,
    /// None stands for all that a package takes.
    pub templates: Vec<i64>,
}

const GROUP: &str = "group";
const PACKAGE: &str = "package";
const TEMPLATE: &str = "template";

impl Allowed {
    fn lists(&self) -> [(&'static str, &Vec<i64>); 3] {
        [(GROUP, &self.groups), (PACKAGE, &self.packages), (TEMPLATE, &self.templates)]
    }
}

#[derive(Clone, Debug)]
pub struct NewProfile {
    pub kind: &'static str,
    pub name: String,
    pub enabled: bool,
    /// 0 is no limit.
    pub max_servers: i64,
    pub allowed: Allowed,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewProfile) -> Result<Model, StoreError> {
    let NewProfile { kind, name, enabled, max_servers, allowed, now } = new;
    let row = ActiveModel {
        kind: Set(kind.to_owned()),
        name: Set(name),
        enabled: Set(enabled),
        max_servers: Set(max_servers),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = Entity::insert(row).exec_with_returning(tx).await?;
    set_allowed(tx, row.id, &allowed).await?;
    Ok(row)
}

/// Writes every column but the id and the time of creation, and what it allows.
pub async fn update(tx: &Tx, row: Model, allowed: &Allowed, now: Micros) -> Result<Model, StoreError> {
    let change = ActiveModel { updated_at: Set(now), ..row.into_active_model().reset_all() };
    let row = change.update(tx).await?;
    set_allowed(tx, row.id, allowed).await?;
    Ok(row)
}

async fn set_allowed(tx: &Tx, profile_id: i64, allowed: &Allowed) -> Result<(), StoreError> {
    item::Entity::delete_many().filter(item::Column::ProfileId.eq(profile_id)).exec(tx).await?;
    let rows: Vec<_> = allowed
        .lists()
        .into_iter()
        .flat_map(|(kind, ids)| ids.iter().map(move |id| (kind, *id)))
        .map(|(kind, target_id)| item::ActiveModel {
            id: NotSet,
            profile_id: Set(profile_id),
            kind: Set(kind.to_owned()),
            target_id: Set(target_id),
        })
        .collect();
    if !rows.is_empty() {
        item::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub async fn by_id(db: &impl Db, kind: &str, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).filter(Column::Kind.eq(kind)).one(db).await?)
}

/// Those of a kind by id, and how many there are.
pub async fn page(db: &impl Db, kind: &str, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find().filter(Column::Kind.eq(kind));
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// For each of the profiles, in their order.
pub async fn allowed(db: &impl Db, profile_ids: &[i64]) -> Result<Vec<Allowed>, StoreError> {
    let query = item::Entity::find().filter(item::Column::ProfileId.is_in(profile_ids.iter().copied()));
    let items = query.order_by_asc(item::Column::Id).all(db).await?;
    let list = |profile: i64, kind: &str| {
        items.iter().filter(|row| row.profile_id == profile && row.kind == kind).map(|row| row.target_id).collect()
    };
    let of =
        |id: &i64| Allowed { groups: list(*id, GROUP), packages: list(*id, PACKAGE), templates: list(*id, TEMPLATE) };
    Ok(profile_ids.iter().map(of).collect())
}

/// Templates that a server may be built from as the profile says that it was created by; none stands for all.
pub async fn offered(db: &impl Db, server_id: i64) -> Result<Vec<i64>, StoreError> {
    let metered = metered_server::Entity::find_by_id(server_id).one(db).await?;
    let Some(profile_id) = metered.and_then(|metered| metered.profile_id) else { return Ok(Vec::new()) };
    Ok(allowed(db, &[profile_id]).await?.pop().unwrap_or_default().templates)
}

/// Names of profiles that allow a hypervisor group.
pub async fn with_group(db: &impl Db, id: i64) -> Result<Vec<String>, StoreError> {
    naming(db, GROUP, id).await
}

/// As [`with_group`], of a package.
pub async fn with_package(db: &impl Db, id: i64) -> Result<Vec<String>, StoreError> {
    naming(db, PACKAGE, id).await
}

/// As [`with_group`], of a template.
pub async fn with_template(db: &impl Db, id: i64) -> Result<Vec<String>, StoreError> {
    naming(db, TEMPLATE, id).await
}

async fn naming(db: &impl Db, kind: &str, id: i64) -> Result<Vec<String>, StoreError> {
    let ids: Vec<i64> = item::Entity::find()
        .select_only()
        .column(item::Column::ProfileId)
        .filter(item::Column::Kind.eq(kind))
        .filter(item::Column::TargetId.eq(id))
        .into_tuple()
        .all(db)
        .await?;
    let query = Entity::find().filter(Column::Id.is_in(ids)).order_by_asc(Column::Id);
    Ok(query.all(db).await?.into_iter().map(|row| row.name).collect())
}

/// How many customers have it.
pub async fn users(db: &impl Db, id: i64) -> Result<u64, StoreError> {
    Ok(user_profile::Entity::find().filter(user_profile::Column::ProfileId.eq(id)).count(db).await?)
}

/// Removes a profile that nobody has.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    item::Entity::delete_many().filter(item::Column::ProfileId.eq(id)).exec(tx).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Whether it is new to the customer.
pub async fn give(tx: &Tx, user_id: i64, profile_id: i64, now: Micros) -> Result<bool, StoreError> {
    let row = user_profile::ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        profile_id: Set(profile_id),
        created_at: Set(now),
    };
    let columns = [user_profile::Column::UserId, user_profile::Column::ProfileId];
    let nothing = OnConflict::columns(columns).do_nothing().to_owned();
    Ok(user_profile::Entity::insert(row).on_conflict(nothing).exec_without_returning(tx).await? == 1)
}

/// Whether the customer had it.
pub async fn take(tx: &Tx, user_id: i64, profile_id: i64) -> Result<bool, StoreError> {
    let theirs = user_profile::Entity::delete_many()
        .filter(user_profile::Column::UserId.eq(user_id))
        .filter(user_profile::Column::ProfileId.eq(profile_id));
    Ok(theirs.exec(tx).await?.rows_affected == 1)
}

/// Profiles of a kind that these customers have, by id, each with its customer.
pub async fn of_users(db: &impl Db, kind: &str, user_ids: &[i64]) -> Result<Vec<(i64, Model)>, StoreError> {
    let held = user_profile::Entity::find()
        .filter(user_profile::Column::UserId.is_in(user_ids.iter().copied()))
        .order_by_asc(user_profile::Column::ProfileId)
        .all(db)
        .await?;
    let ids = held.iter().map(|row| row.profile_id);
    let profiles = Entity::find().filter(Column::Id.is_in(ids)).filter(Column::Kind.eq(kind)).all(db).await?;
    let with = |row: &user_profile::Model| {
        let profile = profiles.iter().find(|profile| profile.id == row.profile_id);
        profile.map(|profile| (row.user_id, profile.clone()))
    };
    Ok(held.iter().filter_map(with).collect())
}

/// Servers of a customer that were made by a profile, those that are being deleted included.
pub async fn servers(db: &impl Db, user_id: i64, profile_id: i64) -> Result<u64, StoreError> {
    let query = server::Entity::find()
        .join(
            JoinType::InnerJoin,
            server::Entity::belongs_to(metered_server::Entity)
                .from(server::Column::Id)
                .to(metered_server::Column::ServerId)
                .into(),
        )
        .filter(server::Column::OwnerId.eq(user_id))
        .filter(metered_server::Column::ProfileId.eq(profile_id));
    Ok(query.count(db).await?)
}
