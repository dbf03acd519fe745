//! What every write relies on: nothing is lost between writers, a failed write leaves nothing behind, and a write
//! that nobody waits for any more disturbs no other.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use berth_store::{Store, StoreError, Tx, entity::setting as entity, setting, testing::Database, user};
use futures::future::join_all;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement, sea_query::Expr};
use tokio::sync::Barrier;
use uuid::Uuid;

const NOW: i64 = 1_737_381_647_000_000;
const WRITERS: usize = 16;
const WRITES_EACH: usize = 20;

berth_store::on_both_databases!(
    sixteen_writers_lose_nothing,
    two_writers_who_collide_both_get_through,
    a_write_that_fails_leaves_nothing,
    a_broken_rule_is_known_by_its_columns,
    readers_see_what_was_committed_and_do_not_wait,
    t20_a_write_that_is_dropped_anywhere_disturbs_no_other,
);

async fn with_counter(database: &Database) -> Store {
    let store = Store::connect(&database.url).await.unwrap();
    store
        .write_tx::<_, StoreError>(|tx| Box::pin(async move { setting::get_or_insert(tx, "counter", "0", NOW).await }))
        .await
        .unwrap();
    store
}

async fn counter(db: &impl ConnectionTrait) -> u32 {
    setting::get(db, "counter").await.unwrap().unwrap().parse().unwrap()
}

/// Reads, then writes what it read and one more: lost where another's write comes between.
async fn count_up(tx: &Tx) -> Result<u32, StoreError> {
    let now: u32 = setting::get(tx, "counter").await?.unwrap().parse().unwrap();
    let row = entity::ActiveModel { value: Set((now + 1).to_string()), ..Default::default() };
    entity::Entity::update_many().set(row).filter(entity::Column::Name.eq("counter")).exec(tx).await?;
    Ok(now + 1)
}

async fn sixteen_writers_lose_nothing(database: Database) {
    let store = with_counter(&database).await;
    let writers = (0..WRITERS).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..WRITES_EACH {
                store.write_tx::<_, StoreError>(|tx| Box::pin(count_up(tx))).await.unwrap();
            }
        })
    });
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    assert_eq!(counter(store.read()).await as usize, WRITERS * WRITES_EACH);
}

/// Both have read before either writes. On PostgreSQL that ends in a serialization failure for one of them, which
/// runs again; on SQLite the second does not begin before the first has ended.
async fn two_writers_who_collide_both_get_through(database: Database) {
    let store = with_counter(&database).await;
    let (runs, both_have_read) = (Arc::new(AtomicU32::new(0)), Arc::new(Barrier::new(2)));
    let meet = store.is_postgres();
    let writers = (0..2).map(|_| {
        let (store, runs, both_have_read) = (store.clone(), Arc::clone(&runs), Arc::clone(&both_have_read));
        tokio::spawn(async move {
            store
                .write_tx::<_, StoreError>(|tx| {
                    let (runs, both_have_read) = (Arc::clone(&runs), Arc::clone(&both_have_read));
                    Box::pin(async move {
                        counter(tx).await;
                        if runs.fetch_add(1, Ordering::SeqCst) < 2 && meet {
                            both_have_read.wait().await;
                        }
                        count_up(tx).await
                    })
                })
                .await
        })
    });
    let mut outcomes: Vec<u32> = join_all(writers).await.into_iter().map(|outcome| outcome.unwrap().unwrap()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [1, 2]);
    assert_eq!(counter(store.read()).await, 2);
    assert_eq!(runs.load(Ordering::SeqCst), if meet { 3 } else { 2 }, "the loser runs again, once");
}

async fn a_write_that_fails_leaves_nothing(database: Database) {
    let store = with_counter(&database).await;
    let failed = store
        .write_tx::<u32, StoreError>(|tx| {
            Box::pin(async move {
                count_up(tx).await?;
                Err(StoreError::Corrupt("the caller's own reason".to_owned()))
            })
        })
        .await;
    assert!(matches!(failed, Err(StoreError::Corrupt(_))), "{failed:?}");
    assert_eq!(counter(store.read()).await, 0);
    let next = store.write_tx::<_, StoreError>(|tx| Box::pin(count_up(tx))).await;
    assert_eq!(next.unwrap(), 1, "the next write begins anew");
}

async fn a_broken_rule_is_known_by_its_columns(database: Database) {
    let store = with_counter(&database).await;
    let add = async |name: &'static str, email: &'static str, relation: Option<i64>, n: u128| {
        store
            .write_tx::<_, StoreError>(|tx| {
                let mut new = user::NewUser::plain(Uuid::from_u128(n), name, email, String::new(), NOW);
                new.ext_relation_id = relation;
                Box::pin(async move { user::insert(tx, new).await })
            })
            .await
    };
    add("Jon", "jon@doe.test", Some(1), 1).await.unwrap();
    let same_address = add("Joe", "JON@doe.test", Some(2), 2).await.unwrap_err();
    assert!(same_address.violates("users", &["email_key"]), "{same_address}");
    assert!(!same_address.violates("users", &["email"]) && !same_address.violates("users", &["ext_relation_id"]));
    let same_relation = add("Joe", "joe@doe.test", Some(1), 2).await.unwrap_err();
    assert!(same_relation.violates("users", &["ext_relation_id"]), "{same_relation}");
    let same_uuid = add("Joe", "joe@doe.test", Some(2), 1).await.unwrap_err();
    assert!(same_uuid.violates("users", &["uuid"]), "{same_uuid}");
    add("Joe", "joe@doe.test", Some(2), 2).await.unwrap();

    let no_such_user = store
        .write_tx::<_, StoreError>(|tx| {
            let new = berth_store::ssh_key::NewKey {
                uuid: Uuid::from_u128(9),
                user_id: 999,
                name: "laptop".to_owned(),
                key_type: "ssh-ed25519".to_owned(),
                public_key: "ssh-ed25519 AAAA".to_owned(),
                now: NOW,
            };
            Box::pin(async move { berth_store::ssh_key::insert(tx, new).await })
        })
        .await;
    assert!(matches!(no_such_user, Err(StoreError::ForeignKey(_))), "{no_such_user:?}");
}

async fn readers_see_what_was_committed_and_do_not_wait(database: Database) {
    let store = with_counter(&database).await;
    let reader = store.clone();
    store
        .write_tx::<_, StoreError>(|tx| {
            let reader = reader.clone();
            Box::pin(async move {
                count_up(tx).await?;
                assert_eq!(counter(reader.read()).await, 0, "another's write is not seen before its commit");
                Ok(())
            })
        })
        .await
        .unwrap();
    assert_eq!(counter(store.read()).await, 1);
}

/// A client that hangs up drops its request wherever that stands. What it had begun is undone, and its connection
/// serves the next one as if nothing had been.
async fn t20_a_write_that_is_dropped_anywhere_disturbs_no_other(database: Database) {
    const ROUNDS: u32 = 40;
    const AT_ONCE: u32 = 16;
    const POLLS_APART: u32 = 3;
    let store = with_counter(&database).await;
    let mut done = 0;
    for round in 0..ROUNDS {
        // Side by side, so that the database has to be waited for and there is something to be dropped in.
        let writes = (0..AT_ONCE).map(|polls| {
            let write = store.write_tx::<_, StoreError>(|tx| {
                Box::pin(async move {
                    count_up(tx).await?;
                    counter(tx).await;
                    count_up(tx).await
                })
            });
            // The last is let be: however slow the machine, some end.
            poll_at_most(write, if polls + 1 == AT_ONCE { u32::MAX } else { polls * POLLS_APART })
        });
        done += join_all(writes).await.into_iter().filter(|ended| *ended).count();
        none_is_left_open(&store, round).await;
        let next = store.write_tx::<_, StoreError>(|tx| Box::pin(touch(tx))).await;
        next.unwrap_or_else(|error| panic!("in round {round}: {error}"));
    }
    let counted = counter(store.read()).await as usize;
    assert_eq!(counted % 2, 0, "a write is whole or not there");
    assert!(counted >= 2 * done, "what was answered is there: {counted} of {done} writes");
    assert!(0 < done && done < (ROUNDS * AT_ONCE) as usize, "some ended and some were dropped: {done}");
}

async fn touch(tx: &Tx) -> Result<(), StoreError> {
    let same = Expr::col(entity::Column::Value);
    entity::Entity::update_many().col_expr(entity::Column::Value, same).exec(tx).await?;
    Ok(())
}

/// Whether the future ended within so many polls; else it is dropped where it is.
async fn poll_at_most<T>(future: impl Future<Output = T>, polls: u32) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|_| true)
    })
    .await
}

/// Waits until no transaction is open, of those that the database knows: it undoes a dropped one soon. SQLite, with
/// its one writer, would refuse the next write instead.
async fn none_is_left_open(store: &Store, round: u32) {
    const LIMIT: Duration = Duration::from_secs(5);
    if !store.is_postgres() {
        return;
    }
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    let begun = Instant::now();
    loop {
        let db = store.read();
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        if row.try_get_by_index::<i64>(0).unwrap() == 0 {
            return;
        }
        assert!(begun.elapsed() < LIMIT, "in round {round} a transaction stays open");
        tokio::task::yield_now().await;
    }
}

/// A power cut loses nothing that was answered: the log is synced at each commit.
#[tokio::test]
async fn sqlite_writes_ahead_and_syncs_each_commit() {
    let database = Database::sqlite();
    let store = with_counter(&database).await;
    let pragma = async |db: &dyn PragmaOf, name: &str| db.pragma(name).await;
    assert_eq!(pragma(store.read(), "journal_mode").await, "wal");
    let of_the_writer = store.write_tx::<_, StoreError>(|tx| {
        Box::pin(async move {
            Ok([tx.pragma("journal_mode").await, tx.pragma("synchronous").await, tx.pragma("foreign_keys").await])
        })
    });
    assert_eq!(of_the_writer.await.unwrap(), ["wal", "2", "1"], "2 is FULL");
}

#[async_trait::async_trait]
trait PragmaOf: Sync {
    async fn pragma(&self, name: &str) -> String;
}

#[async_trait::async_trait]
impl<C: ConnectionTrait> PragmaOf for C {
    async fn pragma(&self, name: &str) -> String {
        let statement = Statement::from_string(self.get_database_backend(), format!("PRAGMA {name}"));
        let row = self.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<String>(0).or_else(|_| row.try_get_by_index::<i64>(0).map(|n| n.to_string())).unwrap()
    }
}
