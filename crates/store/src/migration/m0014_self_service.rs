//! Self service: what customers may create by themselves, what it costs, and the ledger of what they paid and used.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, partial_index, references, table, unique};

/// What a pack allows: totals, and the most of one server.
const LIMITS: [&str; 9] = [
    "total_servers",
    "total_memory_mib",
    "total_storage_gib",
    "total_cpu",
    "total_traffic_gb",
    "max_memory_mib",
    "max_storage_gib",
    "max_cpu",
    "max_traffic_gb",
];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        settings(m).await?;
        currencies(m).await?;
        profiles(m).await?;
        packs(m).await?;
        accounts(m).await?;
        ledger(m).await?;
        metered(m).await?;
        run_out(m).await
    }
}

/// One row, made by the first change; prices of all kinds with the time from which each holds.
async fn settings(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("self_service_settings")
            .col(id())
            .col(col("tax_status").integer().not_null())
            .col(col("tax_bp").big_integer().not_null())
            .col(col("show_hourly_rate").boolean().not_null())
            .col(col("show_monthly_rate").boolean().not_null())
            .col(col("low_credit").json().not_null())
            .col(col("suspend_after_h").big_integer().not_null())
            .col(col("delete_after_h").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_table(
        table("rates")
            .col(id())
            .col(col("subject").text().not_null())
            .col(col("value").big_integer().not_null())
            .col(col("valid_from").big_integer().not_null())
            .take(),
    )
    .await?;
    unique(m, "rates", &["subject", "valid_from"]).await
}

async fn currencies(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("currencies")
            .col(id())
            .col(col("code").text().not_null().unique_key())
            .col(col("value").big_integer().not_null())
            .col(col("prefix").text().null())
            .col(col("suffix").text().null())
            .col(col("is_default").boolean().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    partial_index(m, true, "currencies", &["is_default"], "is_default = TRUE").await
}

async fn profiles(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("self_service_profiles")
            .col(id())
            .col(col("kind").text().not_null())
            .col(col("name").text().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("max_servers").big_integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    unique(m, "self_service_profiles", &["kind", "name"]).await?;
    m.create_table(
        table("self_service_profile_items")
            .col(id())
            .col(col("profile_id").big_integer().not_null())
            .col(col("kind").text().not_null())
            .col(col("target_id").big_integer().not_null())
            .foreign_key(&mut references("self_service_profile_items", "profile_id", "self_service_profiles"))
            .take(),
    )
    .await?;
    unique(m, "self_service_profile_items", &["profile_id", "kind", "target_id"]).await?;
    m.create_index(index("self_service_profile_items", &["kind", "target_id"])).await?;
    m.create_table(
        table("user_profiles")
            .col(id())
            .col(col("user_id").big_integer().not_null())
            .col(col("profile_id").big_integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("user_profiles", "user_id", "users"))
            .foreign_key(&mut references("user_profiles", "profile_id", "self_service_profiles"))
            .take(),
    )
    .await?;
    unique(m, "user_profiles", &["user_id", "profile_id"]).await?;
    m.create_index(index("user_profiles", &["profile_id"])).await
}

async fn packs(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut pack = table("resource_packs");
    pack.col(id())
        .col(col("kind").text().not_null())
        .col(col("name").text().not_null())
        .col(col("enabled").boolean().not_null());
    for limit in LIMITS {
        pack.col(col(limit).big_integer().not_null());
    }
    pack.col(col("created_at").big_integer().not_null()).col(col("updated_at").big_integer().not_null());
    m.create_table(pack).await?;
    unique(m, "resource_packs", &["kind", "name"]).await?;
    let mut of_user = table("user_packs");
    of_user
        .col(id())
        .col(col("user_id").big_integer().not_null())
        .col(col("pack_id").big_integer().not_null())
        .col(col("name").text().not_null())
        .col(col("label").text().null())
        .col(col("enabled").boolean().not_null());
    for limit in LIMITS {
        of_user.col(col(limit).big_integer().not_null());
    }
    of_user
        .col(col("created_at").big_integer().not_null())
        .col(col("updated_at").big_integer().not_null())
        .foreign_key(&mut references("user_packs", "user_id", "users"))
        .foreign_key(&mut references("user_packs", "pack_id", "resource_packs"));
    m.create_table(of_user).await?;
    m.create_index(index("user_packs", &["user_id"])).await?;
    m.create_index(index("user_packs", &["pack_id"])).await
}

async fn accounts(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("self_service_accounts")
            .col(col("user_id").big_integer().not_null().primary_key())
            .col(col("currency_id").big_integer().null())
            .col(col("hourly_pack_id").big_integer().null())
            .col(col("noticed_micro").big_integer().null())
            .col(col("out_since_at").big_integer().null())
            .col(col("suspended_at").big_integer().null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("self_service_accounts", "user_id", "users"))
            .foreign_key(&mut references("self_service_accounts", "currency_id", "currencies"))
            .foreign_key(&mut references("self_service_accounts", "hourly_pack_id", "resource_packs"))
            .take(),
    )
    .await?;
    m.create_index(index("self_service_accounts", &["currency_id"])).await?;
    m.create_index(index("self_service_accounts", &["hourly_pack_id"])).await
}

/// The books outlive users and servers, so they have no foreign keys to them; ids are never used again.
async fn ledger(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("credits")
            .col(id())
            .col(col("user_id").big_integer().not_null())
            .col(col("amount_micro").big_integer().not_null())
            .col(col("reference_1").big_integer().null())
            .col(col("reference_2").text().null())
            .col(col("cancelled_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_index(index("credits", &["user_id", "id"])).await?;
    m.create_table(
        table("ledger_entries")
            .col(id())
            .col(col("user_id").big_integer().not_null())
            .col(col("kind").text().not_null())
            .col(col("amount_micro").big_integer().not_null())
            .col(col("at").big_integer().not_null())
            .col(col("credit_id").big_integer().null())
            .col(col("server_id").big_integer().null())
            .col(col("item").text().null())
            .col(col("hour_at").big_integer().null())
            .col(col("package_id").big_integer().null())
            .col(col("quantity").big_integer().not_null())
            .col(col("price_micro").big_integer().not_null())
            .col(col("hour_of_month").big_integer().not_null())
            .col(col("rated_micro").big_integer().not_null())
            .col(col("billable").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .take(),
    )
    .await?;
    // An hour of something is charged once, a credit is booked once and cancelled once.
    unique(m, "ledger_entries", &["server_id", "item", "hour_at"]).await?;
    unique(m, "ledger_entries", &["credit_id", "kind"]).await?;
    m.create_index(index("ledger_entries", &["user_id", "at", "amount_micro"])).await
}

async fn metered(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("metered_servers")
            .col(col("server_id").big_integer().not_null().primary_key())
            .col(col("server_uuid").uuid().not_null())
            .col(col("name").text().not_null())
            .col(col("self_service").integer().not_null())
            .col(col("profile_id").big_integer().null())
            .col(col("pack_id").big_integer().null())
            .col(col("included_memory_mib").big_integer().not_null())
            .col(col("included_storage_gib").big_integer().not_null())
            .col(col("included_cpu").big_integer().not_null())
            .col(col("next_hour_at").big_integer().null())
            .col(col("ended_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .take(),
    )
    .await?;
    partial_index(m, false, "metered_servers", &["next_hour_at"], "next_hour_at IS NOT NULL").await?;
    m.create_index(index("metered_servers", &["pack_id"])).await?;
    m.create_table(
        table("metered_spans")
            .col(id())
            .col(col("server_id").big_integer().not_null())
            .col(col("item").text().not_null())
            .col(col("user_id").big_integer().not_null())
            .col(col("package_id").big_integer().not_null())
            .col(col("quantity").big_integer().not_null())
            .col(col("from_at").big_integer().not_null())
            .col(col("until_at").big_integer().null())
            .take(),
    )
    .await?;
    m.create_index(index("metered_spans", &["server_id"])).await?;
    partial_index(m, true, "metered_spans", &["server_id", "item"], "until_at IS NULL").await?;
    partial_index(m, false, "metered_spans", &["user_id"], "until_at IS NULL").await
}

async fn run_out(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("credit_suspensions")
            .col(col("server_id").big_integer().not_null().primary_key())
            .col(col("user_id").big_integer().not_null())
            .col(col("state").text().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_index(index("credit_suspensions", &["user_id"])).await?;
    m.create_table(
        table("credit_notices")
            .col(id())
            .col(col("user_id").big_integer().not_null())
            .col(col("kind").text().not_null())
            .col(col("threshold_micro").big_integer().null())
            .col(col("balance_micro").big_integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_index(index("credit_notices", &["user_id", "id"])).await
}
