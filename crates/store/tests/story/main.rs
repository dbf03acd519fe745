//! One story that asks every query of this crate and looks at each answer, on SQLite and on PostgreSQL: an
//! installation, its people, its nodes, what it sells, one server from its creation to its end, and the work on it.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod addresses;
mod firewalls;
mod goods;
mod installation;
mod logins;
mod media;
mod names;
mod nodes;
mod people;
mod self_service;
mod server;
mod server_changes;
mod server_end;
mod server_parts;
mod server_shares;
mod traffic_told;
mod watch;
mod work;

use std::{fs, path::Path};

use berth_store::{Micros, Store, testing::Database};
use uuid::Uuid;

const NOW: Micros = 1_737_381_647_000_000;
const SECOND: Micros = 1_000_000;

berth_store::on_both_databases!(every_query_answers_what_its_noun_promises);

async fn every_query_answers_what_its_noun_promises(database: Database) {
    let store = Store::connect(&database.url).await.unwrap();
    assert_eq!(store.is_postgres(), database.url.starts_with("postgres:"));
    installation::tell(&store).await;
    let people = people::tell(&store).await;
    logins::tell(&store, &people).await;
    let nodes = nodes::tell(&store).await;
    let goods = goods::tell(&store, &nodes).await;
    let server = server::tell(&store, &people, &nodes, &goods).await;
    server_parts::tell(&store, &people, &nodes, &goods, server).await;
    addresses::tell(&store, &nodes, &people, server).await;
    names::tell(&store, server).await;
    server_shares::tell(&store, &people, server).await;
    server_changes::tell(&store, &people, server).await;
    media::tell(&store, &nodes, server).await;
    firewalls::tell(&store, &goods, server).await;
    traffic_told::tell(&store, &nodes, &goods, server).await;
    self_service::tell(&store, &people, &goods, server).await;
    work::tell(&store, &nodes, server).await;
    watch::tell(&store, &nodes, server).await;
    server_end::tell(&store, &people, &nodes, &goods, server).await;
    // The same file or server again: the schema is there and so is what was written.
    let again = Store::connect(&database.url).await.unwrap();
    assert!(berth_store::user::by_id(again.read(), people.jon).await.unwrap().is_some());
}

/// Runs statements in one write transaction. What is named in brackets is cloned for each run.
#[macro_export]
macro_rules! write_in {
    ($store:expr, [$($name:ident),*] |$tx:ident| $work:expr) => {
        $store.write_tx::<_, berth_store::StoreError>(|$tx| {
            $(let $name = $name.clone();)*
            Box::pin(async move { $work })
        }).await
    };
    ($store:expr, |$tx:ident| $work:expr) => { $crate::write_in!($store, [] |$tx| $work) };
}

/// Different in each place that names another number.
fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

#[test]
fn the_story_leaves_no_query_out() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told: String = rust_files(&crate_dir.join("tests/story")).into_iter().map(|(_, text)| text).collect();
    let mut queries = 0;
    let mut left_out = Vec::new();
    let sources = [rust_files(&crate_dir.join("src")), rust_files(&crate_dir.join("src/self_service"))].concat();
    for (noun, text) in sources {
        // Words of other files' statements, and what only tests use.
        if ["joined", "testing"].contains(&noun.as_str()) {
            continue;
        }
        for name in text.lines().filter_map(|line| line.trim_start().strip_prefix("pub async fn ")) {
            let name = name.split(['(', '<']).next().unwrap();
            let call = if noun == "tx" { format!(".{name}") } else { format!("{noun}::{name}(") };
            queries += 1;
            if !told.contains(&call) && !told.contains(&format!("Store::{name}(")) {
                left_out.push(format!("{noun}::{name}"));
            }
        }
    }
    assert!(queries > 90, "the sources were read: {queries}");
    assert!(left_out.is_empty(), "no chapter asks {left_out:?}");
}

/// Names without their ending, and texts.
fn rust_files(dir: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}
