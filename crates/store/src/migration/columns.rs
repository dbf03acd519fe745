//! Short words for tables, columns and indexes, so that a migration reads like the schema.

use sea_orm_migration::prelude::*;

pub fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(Alias::new(name)).take()
}

/// A 64-bit primary key that counts up and is never used again.
pub fn id() -> ColumnDef {
    ColumnDef::new(Alias::new("id")).big_integer().not_null().auto_increment().primary_key().take()
}

pub fn col(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
}

/// A foreign key without cascades: actions delete what belongs together, and say so.
pub fn references(table: &'static str, column: &'static str, target: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(Alias::new(table), Alias::new(column))
        .to(Alias::new(target), Alias::new("id"))
        .take()
}

pub fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut statement = Index::create();
    statement.name(format!("ix_{table}_{}", columns.join("_"))).table(Alias::new(table));
    for column in columns {
        statement.col(Alias::new(*column));
    }
    statement.take()
}

pub async fn unique(m: &SchemaManager<'_>, table: &'static str, columns: &[&'static str]) -> Result<(), DbErr> {
    m.create_index(index(table, columns).name(format!("uq_{table}_{}", columns.join("_"))).unique().take()).await
}

/// An index over the rows for which `condition` holds; the same words on SQLite and PostgreSQL.
pub async fn partial_index(
    m: &SchemaManager<'_>,
    is_unique: bool,
    table: &str,
    columns: &[&str],
    condition: &str,
) -> Result<(), DbErr> {
    let (kind, prefix) = if is_unique { ("UNIQUE INDEX", "uqp") } else { ("INDEX", "ixp") };
    let columns_text = columns.join(", ");
    let name = format!("{prefix}_{table}_{}", columns.join("_"));
    let sql = format!("CREATE {kind} {name} ON {table} ({columns_text}) WHERE {condition}");
    m.get_connection().execute_unprepared(&sql).await.map(|_| ())
}
