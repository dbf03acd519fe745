//! How self service is set up. There is one row, made by the first change.

use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};
use serde_json::json;

use crate::{
    Db, StoreError, Tx,
    entity::self_service_setting::{ActiveModel, Column, Entity, Model},
};

const ID: i64 = 1;

/// As nobody has changed anything yet: no tax is shown, servers are suspended after a day without credit and never
/// deleted for it.
pub fn unchanged() -> Model {
    Model {
        id: ID,
        tax_status: 3,
        tax_bp: 0,
        show_hourly_rate: false,
        show_monthly_rate: false,
        low_credit: json!([]),
        suspend_after_h: 24,
        delete_after_h: 0,
        updated_at: 0,
    }
}

pub async fn get(db: &impl Db) -> Result<Model, StoreError> {
    Ok(Entity::find_by_id(ID).one(db).await?.unwrap_or_else(unchanged))
}

pub async fn set(tx: &Tx, row: Model) -> Result<(), StoreError> {
    let Model {
        id: _,
        tax_status,
        tax_bp,
        show_hourly_rate,
        show_monthly_rate,
        low_credit,
        suspend_after_h,
        delete_after_h,
        updated_at,
    } = row;
    let row = ActiveModel {
        id: Set(ID),
        tax_status: Set(tax_status),
        tax_bp: Set(tax_bp),
        show_hourly_rate: Set(show_hourly_rate),
        show_monthly_rate: Set(show_monthly_rate),
        low_credit: Set(low_credit),
        suspend_after_h: Set(suspend_after_h),
        delete_after_h: Set(delete_after_h),
        updated_at: Set(updated_at),
    };
    let columns = [
        Column::TaxStatus,
        Column::TaxBp,
        Column::ShowHourlyRate,
        Column::ShowMonthlyRate,
        Column::LowCredit,
        Column::SuspendAfterH,
        Column::DeleteAfterH,
        Column::UpdatedAt,
    ];
    let again = OnConflict::column(Column::Id).update_columns(columns).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Balances at which a notice is given, in micro-tokens, the highest first.
pub fn low_credit(row: &Model) -> Vec<i64> {
    serde_json::from_value(row.low_credit.clone()).unwrap_or_default()
}
