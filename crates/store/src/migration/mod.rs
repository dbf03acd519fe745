//! Migrations, in order. They run at start, expand first, and drop only what the release before no longer reads.

mod columns;
mod m0001_first;

use sea_orm_migration::prelude::*;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_first::Migration)]
    }
}
