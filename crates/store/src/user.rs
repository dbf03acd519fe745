//! People who own servers, and staff.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, LikeExpr},
};
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx, customer_token, entity::user, joined, login_token, passkey, password_link, second_factor,
    self_service::account, server_share, session, user_identity,
};

/// The role that may do everything. An administrator begins with it.
pub const OWNER: &str = "owner";
/// The roles that administer.
const ADMINISTERING: [&str; 2] = [OWNER, "admin"];

/// Of whoever chose none: what there is a text for, there is one for in it.
pub const DEFAULT_LANGUAGE: &str = "en";

/// The relation to a billing system's client, as a number or as a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    Id(i64),
    Text(String),
}

#[derive(Clone, Debug)]
pub struct NewUser {
    pub uuid: Uuid,
    pub name: String,
    pub email: String,
    pub password_hash: String,
    /// An owner.
    pub admin: bool,
    pub ext_relation_id: Option<i64>,
    pub rel_str: Option<String>,
    pub self_service: i32,
    pub self_service_hourly_credit: bool,
    pub timezone: String,
    pub language: String,
    pub now: Micros,
}

impl NewUser {
    /// A customer without any relation.
    pub fn plain(uuid: Uuid, name: &str, email: &str, password_hash: String, now: Micros) -> Self {
        Self {
            uuid,
            name: name.to_owned(),
            email: email.to_owned(),
            password_hash,
            admin: false,
            ext_relation_id: None,
            rel_str: None,
            self_service: 0,
            self_service_hourly_credit: false,
            timezone: "UTC".to_owned(),
            language: DEFAULT_LANGUAGE.to_owned(),
            now,
        }
    }
}

/// What two accounts may not share: the address without regard to case.
pub fn email_key(email: &str) -> String {
    email.to_lowercase()
}

pub async fn insert(tx: &Tx, new: NewUser) -> Result<user::Model, StoreError> {
    let NewUser {
        uuid,
        name,
        email,
        password_hash,
        admin,
        ext_relation_id,
        rel_str,
        self_service,
        self_service_hourly_credit,
        timezone,
        language,
        now,
    } = new;
    let row = user::ActiveModel {
        uuid: Set(uuid),
        name: Set(name),
        email_key: Set(email_key(&email)),
        email: Set(email),
        password_hash: Set(password_hash),
        admin: Set(admin),
        role: Set(admin.then(|| OWNER.to_owned())),
        ext_relation_id: Set(ext_relation_id),
        rel_str: Set(rel_str),
        self_service: Set(self_service),
        self_service_hourly_credit: Set(self_service_hourly_credit),
        timezone: Set(timezone),
        language: Set(language),
        suspended: Set(false),
        two_factor_auth: Set(false),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(user::Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn any_admin(db: &impl ConnectionTrait) -> Result<bool, StoreError> {
    Ok(user::Entity::find().filter(user::Column::Admin.eq(true)).one(db).await?.is_some())
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<user::Model>, StoreError> {
    Ok(user::Entity::find_by_id(id).one(db).await?)
}

pub async fn by_relation(db: &impl ConnectionTrait, relation: &Relation) -> Result<Option<user::Model>, StoreError> {
    let query = match relation {
        Relation::Id(id) => user::Entity::find().filter(user::Column::ExtRelationId.eq(*id)),
        Relation::Text(text) => user::Entity::find().filter(user::Column::RelStr.eq(text.as_str())),
    };
    Ok(query.one(db).await?)
}

/// The whole address, in any case.
pub async fn by_email(db: &impl ConnectionTrait, email: &str) -> Result<Option<user::Model>, StoreError> {
    Ok(user::Entity::find().filter(user::Column::EmailKey.eq(email_key(email))).one(db).await?)
}

/// Which users a list has; what is `None` matches them all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The whole address, in any case.
    pub email: Option<String>,
    /// Part of the name, the address or the relation's text in any case, or the whole number of the relation.
    pub search: Option<String>,
}

/// In order of their ids, and how many there are.
pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<user::Model>, u64), StoreError> {
    let mut query = user::Entity::find();
    if let Some(email) = &filter.email {
        query = query.filter(user::Column::EmailKey.eq(email_key(email)));
    }
    if let Some(search) = &filter.search {
        query = query.filter(found_by(search));
    }
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(user::Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

fn found_by(search: &str) -> Condition {
    let search = search.trim();
    let pattern = |text: &str| LikeExpr::new(joined::containing(text)).escape(joined::ESCAPE);
    let lower = search.to_lowercase();
    let mut any = Condition::any().add(Expr::col(user::Column::EmailKey).like(pattern(&lower)));
    for column in [user::Column::Name, user::Column::RelStr] {
        // SQLite's LOWER knows ASCII only: any other letter is found as it is written.
        any =
            any.add(Func::lower(Expr::col(column)).like(pattern(&lower))).add(Expr::col(column).like(pattern(search)));
    }
    if let Ok(number) = search.parse::<i64>() {
        any = any.add(user::Column::ExtRelationId.eq(number));
    }
    any
}

/// What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub email: Option<String>,
    pub self_service: Option<i32>,
    pub self_service_hourly_credit: Option<bool>,
    pub suspended: Option<bool>,
    pub password_hash: Option<String>,
    pub timezone: Option<String>,
    pub language: Option<String>,
}

/// The user as it is then.
pub async fn change(tx: &Tx, user: user::Model, change: Change, now: Micros) -> Result<user::Model, StoreError> {
    let Change { name, email, self_service, self_service_hourly_credit, suspended, password_hash, timezone, language } =
        change;
    let mut row = user.into_active_model();
    row.name = name.map_or(row.name, Set);
    if let Some(email) = email {
        row.email_key = Set(email_key(&email));
        row.email = Set(email);
    }
    row.self_service = self_service.map_or(row.self_service, Set);
    row.self_service_hourly_credit = self_service_hourly_credit.map_or(row.self_service_hourly_credit, Set);
    row.suspended = suspended.map_or(row.suspended, Set);
    row.password_hash = password_hash.map_or(row.password_hash, Set);
    row.timezone = timezone.map_or(row.timezone, Set);
    row.language = language.map_or(row.language, Set);
    row.updated_at = Set(now);
    Ok(row.update(tx).await?)
}

/// Gives a role, or takes it; the user as it is then.
pub async fn set_role(tx: &Tx, user: user::Model, role: Option<&str>, now: Micros) -> Result<user::Model, StoreError> {
    let mut row = user.into_active_model();
    row.admin = Set(role.is_some_and(|role| ADMINISTERING.contains(&role)));
    row.role = Set(role.map(str::to_owned));
    row.updated_at = Set(now);
    Ok(row.update(tx).await?)
}

/// How many owners there are who are not suspended.
pub async fn owners(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let owners = user::Entity::find().filter(user::Column::Role.eq(OWNER)).filter(user::Column::Suspended.eq(false));
    Ok(owners.count(db).await?)
}

/// With the user's logins; keys and tokens are in the way.
pub async fn delete(tx: &Tx, user: user::Model) -> Result<(), StoreError> {
    session::end_others(tx, user.id, None).await?;
    login_token::of_user_gone(tx, user.id).await?;
    passkey::of_user_gone(tx, user.id).await?;
    password_link::of_user_gone(tx, user.id).await?;
    second_factor::remove(tx, user.id, user.updated_at).await?;
    server_share::of_guest_gone(tx, user.id).await?;
    customer_token::of_user_gone(tx, user.id).await?;
    user_identity::of_user_gone(tx, user.id).await?;
    account::forget(tx, user.id).await?;
    user.delete(tx).await?;
    Ok(())
}
