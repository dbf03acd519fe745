//! Logins that failed, by which more of them are limited.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::login_failure::{ActiveModel, Column, Entity},
};

pub async fn insert(tx: &Tx, account: &str, address: &str, now: Micros) -> Result<(), StoreError> {
    let row =
        ActiveModel { id: NotSet, account: Set(account.to_owned()), address: Set(address.to_owned()), at: Set(now) };
    row.insert(tx).await?;
    Ok(())
}

/// Of this account, and of this address, since then.
pub async fn counts(db: &impl Db, account: &str, address: &str, since: Micros) -> Result<(u64, u64), StoreError> {
    let of_account = Entity::find().filter(Column::Account.eq(account)).filter(Column::At.gt(since)).count(db).await?;
    let of_address = Entity::find().filter(Column::Address.eq(address)).filter(Column::At.gt(since)).count(db).await?;
    Ok((of_account, of_address))
}

/// A login of the account succeeded: what failed before was its owner's.
pub async fn forgive(tx: &Tx, account: &str) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::Account.eq(account)).exec(tx).await?;
    Ok(())
}

pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::At.lt(before)).exec(tx).await?;
    Ok(())
}
