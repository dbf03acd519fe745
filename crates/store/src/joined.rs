//! Words for the few statements that read whole rows of several tables at once.
//!
//! Their texts are put together once for each process and have numbered parameters (`$1`), which SQLite and
//! PostgreSQL both understand.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, EntityTrait, Iden, Iterable, QueryResult, Statement, Value};

use crate::StoreError;

/// What stands before a character that is no wildcard in the patterns of [`containing`].
pub const ESCAPE: char = '!';

/// `alias.column AS prefix_column` for every column of a table, separated by commas.
pub fn columns<E: EntityTrait>(alias: &str, prefix: &str) -> String {
    let mut text = String::new();
    for column in E::Column::iter() {
        let name = Iden::to_string(&column);
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{separator}{alias}.{name} AS {prefix}{name}");
    }
    text
}

/// How many parameters a list of `len` values is padded to, so that there are few different statement texts.
fn padded(len: usize) -> usize {
    match len {
        0 | 1 => 1,
        2..=8 => 8,
        9..=64 => 64,
        _ => len.next_multiple_of(256),
    }
}

/// `($1, $2, ...)` with as many parameters as [`list_values`] gives, counting from `first`.
pub fn list_text(len: usize, first: usize) -> String {
    let list = (first..first + padded(len)).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    format!("({list})")
}

/// The values of a list, padded by repeating the last one; an empty list matches nothing (no id is negative).
pub fn list_values(ids: &[i64]) -> Vec<Value> {
    let last = ids.last().copied().unwrap_or(-1);
    ids.iter().copied().chain(std::iter::repeat(last)).take(padded(ids.len())).map(Value::from).collect()
}

/// A pattern for `LIKE` with [`ESCAPE`] that finds `text` anywhere; its own wildcards are escaped.
pub fn containing(text: &str) -> String {
    let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

pub async fn all(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.query_all_raw(statement).await?)
}

pub async fn one(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<Option<QueryResult>, StoreError> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.query_one_raw(statement).await?)
}

/// A number of the first column.
pub async fn number(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<i64, StoreError> {
    match one(db, sql, values).await? {
        Some(row) => Ok(row.try_get_by_index(0)?),
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_no_pattern_of_its_own() {
        assert_eq!(containing("50%_Off!"), "%50!%!_Off!!%");
    }

    #[test]
    fn a_list_has_as_many_parameters_as_values() {
        for len in [0_usize, 1, 2, 8, 9, 64, 65, 200, 256, 257, 1000] {
            let ids = (0..len).map(|n| n as i64).collect::<Vec<_>>();
            let text = list_text(len, 3);
            assert_eq!(text.matches('$').count(), list_values(&ids).len());
            assert!(text.starts_with("($3"));
        }
    }
}
