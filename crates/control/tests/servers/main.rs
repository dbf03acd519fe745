//! The operations on servers through real HTTP, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod app;
mod bad_input;
mod build;
mod create;
mod database;
mod delete;
mod lists;
mod power;
mod rows;
mod shape;
mod vnc;

/// Each of these tests runs once on SQLite and once on PostgreSQL.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::database::Database::sqlite()).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::database::Database::postgres()).await; })+
        }
    };
}
