//! Roles of staff. Who administered until now is an owner.

use sea_orm_migration::prelude::*;

use super::columns::{col, partial_index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut role = col("role").text().null().take();
        m.alter_table(Table::alter().table(Alias::new("users")).add_column(&mut role).take()).await?;
        m.get_connection().execute_unprepared("UPDATE users SET role = 'owner' WHERE admin = TRUE").await?;
        // Few users have one.
        partial_index(m, false, "users", &["role"], "role IS NOT NULL").await
    }
}

#[cfg(test)]
mod tests {
    use super::super::Migrator;
    use super::*;

    #[tokio::test]
    async fn who_administered_is_an_owner_and_customers_stay_customers() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", dir.path().join("berth.db").display());
        let db = ::sea_orm::Database::connect(url).await.unwrap();
        let before = Migrator::migrations().iter().position(|one| one.name() == Migration.name()).unwrap();
        Migrator::up(&db, Some(<u32 as TryFrom<usize>>::try_from(before).unwrap())).await.unwrap();
        for (uuid, admin) in [("01", "TRUE"), ("02", "FALSE"), ("03", "FALSE")] {
            let sql = format!(
                "INSERT INTO users (uuid, name, email, email_key, password_hash, admin, self_service, \
                 self_service_hourly_credit, timezone, suspended, two_factor_auth, created_at, updated_at) \
                 VALUES (X'{uuid}', 'x', '{uuid}', '{uuid}', 'x', {admin}, 0, FALSE, 'UTC', FALSE, FALSE, 1, 1)"
            );
            db.execute_unprepared(&sql).await.unwrap();
        }
        Migrator::up(&db, None).await.unwrap();
        for (condition, users) in [("admin = TRUE AND role = 'owner'", 1), ("admin = FALSE AND role IS NULL", 2)] {
            let touched = db.execute_unprepared(&format!("UPDATE users SET name = 'y' WHERE {condition}")).await;
            assert_eq!(touched.unwrap().rows_affected(), users, "{condition}");
        }
    }
}
