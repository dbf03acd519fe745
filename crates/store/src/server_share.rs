//! Servers that are shared with other users: invitations by address, and what came of them.
//!
//! A share ends with its server, and sleeps while the server's owner is suspended: whoever is shut out has nobody else
//! use what is theirs.

use std::sync::LazyLock;

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryResult, Value,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::server_share::{ActiveModel, Column, Entity, Model},
    joined,
    user::email_key,
};

#[derive(Clone, Debug)]
pub struct NewShare {
    pub server_id: i64,
    pub email: String,
    /// Names.
    pub rights: Vec<String>,
    /// Of the invitation.
    pub expires_at: Micros,
    pub now: Micros,
}

/// An invitation; a server has one share for an address.
pub async fn insert(tx: &Tx, new: NewShare) -> Result<Model, StoreError> {
    let NewShare { server_id, email, rights, expires_at, now } = new;
    let row = ActiveModel {
        id: NotSet,
        server_id: Set(server_id),
        email_key: Set(email_key(&email)),
        email: Set(email),
        guest_id: Set(None),
        rights: Set(rights.into()),
        expires_at: Set(expires_at),
        accepted_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// A server's, with the name of whoever accepted it; in order of their ids.
pub async fn of_server(db: &impl Db, server_id: i64) -> Result<Vec<(Model, Option<String>)>, StoreError> {
    let rows = joined::all(db, &OF_SERVER, vec![server_id.into()]).await?;
    rows.iter().map(|row| Ok((Model::from_query_result(row, "h_")?, row.try_get("", "guest_name")?))).collect()
}

static OF_SERVER: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, g.name AS guest_name FROM server_shares h LEFT JOIN users g ON g.id = h.guest_id \
         WHERE h.server_id = $1 ORDER BY h.id",
        joined::columns::<Entity>("h", "h_")
    )
});

/// One of a server's.
pub async fn by_id(db: &impl Db, server_id: i64, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).filter(Column::ServerId.eq(server_id)).one(db).await?)
}

/// A share as its guest sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    pub share: Model,
    pub server_uuid: Uuid,
    pub server_name: String,
    pub server_hostname: Option<String>,
    /// Whose the server is.
    pub owner_id: i64,
    pub owner_name: String,
    pub owner_email: String,
}

/// Those that a user accepted, by their servers.
pub async fn of_guest(db: &impl Db, guest_id: i64) -> Result<Vec<Shared>, StoreError> {
    shared(db, "h.guest_id = $1 ORDER BY h.server_id", vec![guest_id.into()]).await
}

/// A user's share of the server with this UUID.
pub async fn at(db: &impl Db, guest_id: i64, server: Uuid) -> Result<Option<Shared>, StoreError> {
    Ok(shared(db, "h.guest_id = $1 AND v.uuid = $2", vec![guest_id.into(), server.into()]).await?.pop())
}

/// A user's share of a server.
pub async fn on(db: &impl Db, guest_id: i64, server_id: i64) -> Result<Option<Shared>, StoreError> {
    Ok(shared(db, "h.guest_id = $1 AND h.server_id = $2", vec![guest_id.into(), server_id.into()]).await?.pop())
}

/// Invitations to whoever has the address, as long as they hold; the newest first.
pub async fn invitations(db: &impl Db, email: &str, now: Micros, limit: u64) -> Result<Vec<Shared>, StoreError> {
    let condition = "h.email_key = $1 AND h.guest_id IS NULL AND h.expires_at > $2 ORDER BY h.id DESC";
    shared(db, &format!("{condition} LIMIT {limit}"), vec![email_key(email).into(), now.into()]).await
}

async fn shared(db: &impl Db, condition: &str, values: Vec<Value>) -> Result<Vec<Shared>, StoreError> {
    let rows = joined::all(db, &format!("{} AND {condition}", *SHARED), values).await?;
    rows.iter().map(read).collect()
}

static SHARED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, v.uuid AS server_uuid, v.name AS server_name, v.hostname AS server_hostname, \
         o.id AS owner_id, o.name AS owner_name, o.email AS owner_email FROM server_shares h JOIN servers v ON v.id = h.server_id \
         JOIN users o ON o.id = v.owner_id WHERE v.deleting = FALSE AND o.suspended = FALSE",
        joined::columns::<Entity>("h", "h_")
    )
});

fn read(row: &QueryResult) -> Result<Shared, StoreError> {
    Ok(Shared {
        share: Model::from_query_result(row, "h_")?,
        server_uuid: row.try_get("", "server_uuid")?,
        server_name: row.try_get("", "server_name")?,
        server_hostname: row.try_get("", "server_hostname")?,
        owner_id: row.try_get("", "owner_id")?,
        owner_name: row.try_get("", "owner_name")?,
        owner_email: row.try_get("", "owner_email")?,
    })
}

/// Binds an invitation that holds to a user; false where it was accepted, or is too old.
pub async fn accept(tx: &Tx, id: i64, guest_id: i64, now: Micros) -> Result<bool, StoreError> {
    let accepted = Entity::update_many()
        .col_expr(Column::GuestId, Expr::value(guest_id))
        .col_expr(Column::AcceptedAt, Expr::value(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::GuestId.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(accepted.rows_affected == 1)
}

pub async fn set_rights(tx: &Tx, id: i64, rights: Vec<String>, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { rights: Set(rights.into()), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Ends all of a server's; how many there were.
pub async fn of_server_gone(tx: &Tx, server_id: i64) -> Result<u64, StoreError> {
    Ok(Entity::delete_many().filter(Column::ServerId.eq(server_id)).exec(tx).await?.rows_affected)
}

/// Ends all that a user accepted.
pub async fn of_guest_gone(tx: &Tx, guest_id: i64) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::GuestId.eq(guest_id)).exec(tx).await?;
    Ok(())
}
