//! The database behind the API: durable creates, one server, placement, a group's resources, and lists, through the
//! control server as it is served, over TLS on the loopback, with simulated nodes connected to it. Client and server
//! share the machine.
//!
//! `cargo bench -p berth-control --bench database`; `BERTH_BENCH_DATABASE=postgres` takes PostgreSQL. Names after
//! `--` (`creates`, `retrieves`, `group`, `lists`) leave the others out.

#![allow(clippy::unwrap_used, reason = "a benchmark that can't go on ends")]

mod client;
mod figures;
mod fill;
mod floor;
mod group;
mod world;

use std::time::Duration;

use berth_store::testing::Database;
use client::{Client, load};
use figures::{Figures, goal};
use serde_json::json;
use tokio::runtime::Runtime;
use world::World;

const SERVERS: u64 = 10_000;
const SERVERS_FEW: u64 = 1_000;
const SERVERS_MANY: u64 = 100_000;
const CLIENTS: [usize; 3] = [1, 4, 16];
const CREATES_GOAL_PER_SECOND: f64 = 1_000.0;
/// For 1, 4 and 16 clients.
const CREATES_GOAL_P50_MS: [f64; 3] = [5.0, 5.0, 25.0];
const CREATES_GOAL_P99_TO_P50: f64 = 4.0;
const RETRIEVES_GOAL_OF_FLOOR: f64 = 0.5;
const LISTS_GOAL_P99_MS: f64 = 15.0;
const RUN: Duration = Duration::from_secs(8);
const RUN_READS: Duration = Duration::from_secs(5);

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The server has its threads and the clients theirs, as if they were two processes.
    let (server, clients) = (runtime(2), runtime(2));
    let is_postgres = std::env::var("BERTH_BENCH_DATABASE").is_ok_and(|name| name == "postgres");
    let database = if is_postgres { Database::durable_postgres() } else { Database::sqlite() };
    println!("database: {}", if is_postgres { "PostgreSQL, fsync on" } else { "SQLite, WAL, synchronous FULL" });
    println!("one 4 KiB write and fdatasync here: {}", figures::sync_cost(database.dir.path()));
    let world = server.block_on(World::start(database));

    if is_wanted("lists") {
        server.block_on(fill::up_to(&world, SERVERS_FEW));
        clients.block_on(lists(&world, SERVERS_FEW));
    }
    server.block_on(fill::up_to(&world, SERVERS));
    if is_wanted("creates") {
        clients.block_on(creates(&world));
    }
    if is_wanted("retrieves") {
        clients.block_on(retrieves(&world));
    }
    if is_wanted("group") {
        server.block_on(group::placement(&world));
        clients.block_on(group::resources(&world));
    }
    if is_wanted("lists") {
        server.block_on(fill::up_to(&world, SERVERS_MANY));
        clients.block_on(lists(&world, SERVERS_MANY));
    }
    server.block_on(world.stop());
}

fn is_wanted(part: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|name| !name.starts_with('-')).peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

fn runtime(threads: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

async fn creates(world: &World) {
    println!("\nPOST /servers, durable, with {SERVERS} servers on {} nodes", world::NODES);
    let mut best = 0.0_f64;
    for (clients, p50_goal_ms) in CLIENTS.into_iter().zip(CREATES_GOAL_P50_MS) {
        let order = json!({ "packageId": world.package, "userId": world.user, "hypervisorId": world.groups[0] });
        let order = order.to_string();
        let figures = load(world, world.address, clients, RUN, async |client: &mut Client, _| {
            let answer = client.send("POST", "/api/v1/servers", Some(&order)).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
        });
        let figures = figures.await;
        let (p50, p99) = (figures.percentile_ms(50), figures.percentile_ms(99));
        println!("  {clients:>2} clients  {figures}");
        goal(&format!("p50 under {p50_goal_ms} ms"), p50 < p50_goal_ms);
        goal(&format!("p99 within {CREATES_GOAL_P99_TO_P50} times p50"), p99 <= p50 * CREATES_GOAL_P99_TO_P50);
        best = best.max(figures.per_second());
    }
    goal(&format!("{CREATES_GOAL_PER_SECOND} a second at the best of these"), best >= CREATES_GOAL_PER_SECOND);
}

async fn retrieves(world: &World) {
    println!("\nGET /servers/{{id}}, and a floor that runs the same queries behind a minimal handler");
    // The test `whole_servers_are_read_in_four_statements` counts them.
    println!("  queries: one for the token, four for the server");
    for clients in CLIENTS {
        let mut rates = Vec::new();
        for (name, address) in [("floor", world.floor), ("API", world.address)] {
            let figures: Figures = load(world, address, clients, RUN_READS, async |client: &mut Client, n| {
                let answer = client.send("GET", &format!("/api/v1/servers/{}", world.some_server(n)), None).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            })
            .await;
            println!("  {clients:>2} clients  {name:<5}  {figures}");
            rates.push(figures.per_second());
        }
        let share = rates[1] / rates[0];
        println!("              of the floor's rate: {:.0} %", share * 100.0);
        goal("at least half of the floor's rate", share >= RETRIEVES_GOAL_OF_FLOOR);
    }
}

async fn lists(world: &World, servers: u64) {
    println!("\nGET /servers?results=200 with {servers} servers, one client");
    let last_page = servers / 200;
    for (name, last) in [("first page", 1), ("any page", last_page)] {
        let figures = load(world, world.address, 1, RUN_READS, async |client: &mut Client, n| {
            let page = 1 + n * 7919 % last;
            let answer = client.send("GET", &format!("/api/v1/servers?results=200&page={page}"), None).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        });
        let figures = figures.await;
        println!("  {name:<10}  {figures}");
        goal(&format!("p99 under {LISTS_GOAL_P99_MS} ms"), figures.percentile_ms(99) < LISTS_GOAL_P99_MS);
    }
}
