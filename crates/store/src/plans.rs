//! How databases find the next free address: what a million of them would cost is what their plans say.

use sea_orm::ConnectionTrait;

use crate::{Store, StoreError, ipv4_address, ipv6_subnet, joined, testing::Database};

crate::on_both_databases!(
    the_next_free_addresses_are_read_off_an_index_whatever_the_size_of_the_block,
    the_next_free_subnet_and_the_last_one_are_read_off_indexes,
);

/// PostgreSQL plans by what is there: of a few rows it would sort all.
const ROWS: i64 = 100_000;

async fn the_next_free_addresses_are_read_off_an_index_whatever_the_size_of_the_block(database: Database) {
    let columns = "block_id, address, position, reserved, created_at, free_since";
    let store = filled(&database, "ipv4_addresses", columns, "1, n, 0, FALSE, 0, n").await;
    let plan = plan(&store, &ipv4_address::next_free(1, 2, 3)).await;
    assert_read_off(&store, &plan, &["ixp_ipv4_addresses_block_id_free_since_address"]);
}

async fn the_next_free_subnet_and_the_last_one_are_read_off_indexes(database: Database) {
    let columns = "block_id, subnet_index, subnet, prefix_len, position, created_at, free_since";
    let store = filled(&database, "ipv6_subnets", columns, "1, n, 'fd00::' || n, 64, 0, 0, n").await;
    let plan = plan(&store, ipv6_subnet::NEXT_FREE).await;
    let indexes = ["ixp_ipv6_subnets_block_id_free_since_subnet_index", "uq_ipv6_subnets_block_id_subnet_index"];
    assert_read_off(&store, &plan, &indexes);
}

/// On PostgreSQL with that many rows, of a block that there is not: SQLite's plans don't depend on them.
async fn filled(database: &Database, table: &str, columns: &str, values: &str) -> Store {
    let store = Store::connect(&database.url).await.unwrap();
    if store.is_postgres() {
        let fill = format!(
            "SET LOCAL session_replication_role = replica; \
             INSERT INTO {table} ({columns}) SELECT {values} FROM generate_series(1, {ROWS}) n; ANALYZE {table}"
        );
        let done = store.write_tx::<_, StoreError>(|tx| {
            let fill = fill.clone();
            Box::pin(async move { Ok(tx.execute_unprepared(&fill).await.map(drop)?) })
        });
        done.await.unwrap();
    }
    store
}

/// A step a line. Block and time stand in place of the parameters.
async fn plan(store: &Store, sql: &str) -> String {
    let sql = sql.replace("$1", "1").replace("$2", &ROWS.to_string());
    let (explain, column) =
        if store.is_postgres() { ("EXPLAIN", "QUERY PLAN") } else { ("EXPLAIN QUERY PLAN", "detail") };
    let rows = joined::all(store.read(), &format!("{explain} {sql}"), Vec::new()).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
    steps.join("\n")
}

/// By these indexes, within block and time, and nothing is sorted or looked through.
fn assert_read_off(store: &Store, plan: &str, indexes: &[&str]) {
    assert!(indexes.iter().all(|index| plan.contains(index)), "{plan}");
    let within = if store.is_postgres() { "(block_id = 1) AND (free_since <=" } else { "block_id=? AND free_since<?" };
    assert!(plan.contains(within), "{plan}");
    for slow in ["Seq Scan", "Sort", "Bitmap", "SCAN ipv", "TEMP B-TREE"] {
        assert!(!plan.contains(slow), "{slow}: {plan}");
    }
}
