//! Challenges that browsers are to answer with passkeys: each by the one that got it, once, in time.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    prelude::Json,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::passkey_challenge::{ActiveModel, Column, Entity},
};

#[derive(Clone, Debug)]
pub struct NewChallenge {
    pub holder_hash: String,
    pub state: Json,
    pub address: String,
    pub expires_at: Micros,
}

/// The holder's from now on; the one before is none any more.
pub async fn insert(tx: &Tx, new: NewChallenge) -> Result<(), StoreError> {
    let NewChallenge { holder_hash, state, address, expires_at } = new;
    Entity::delete_many().filter(Column::HolderHash.eq(holder_hash.as_str())).exec(tx).await?;
    let row = ActiveModel {
        id: NotSet,
        holder_hash: Set(holder_hash),
        state: Set(state),
        address: Set(address),
        expires_at: Set(expires_at),
    };
    row.insert(tx).await?;
    Ok(())
}

/// How many an address has that may still be answered.
pub async fn open_of(db: &impl Db, address: &str, now: Micros) -> Result<u64, StoreError> {
    let open = Entity::find().filter(Column::Address.eq(address)).filter(Column::ExpiresAt.gt(now));
    Ok(open.count(db).await?)
}

/// Takes the holder's: the first caller within its time gets the state, every other `None`.
pub async fn take(tx: &Tx, holder_hash: &str, now: Micros) -> Result<Option<Json>, StoreError> {
    let taken = Entity::delete_many().filter(Column::HolderHash.eq(holder_hash)).exec_with_returning(tx).await?;
    Ok(taken.into_iter().next().filter(|row| row.expires_at > now).map(|row| row.state))
}

/// Removes those whose time was over before.
pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(tx).await?;
    Ok(())
}
