//! A control server on simulated nodes, for those who write clients of the API: everything answers, and no guest
//! ever boots. Prints its address and a token as JSON, and forgets everything when it ends.
//!
//! `cargo run -p berth-control --example simulated -- 127.0.0.1:8443 300`: every call to a node takes 300 ms, so that
//! there is work to be seen. Settings are taken from the environment (`BERTH_CONTROL_...`).

mod shop;

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use berth_control::{bootstrap, config::Config, start};
use tokio_util::sync::CancellationToken;

const NODES: usize = 2;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let quiet = std::env::var("BERTH_LOG").is_ok_and(|level| level == "warn");
    let level = if quiet { tracing::Level::WARN } else { tracing::Level::INFO };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).init();
    rustls::crypto::ring::default_provider().install_default().ok();
    let listen: SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let dir = tempfile::tempdir()?;
    let ctx = start::start(Config { listen, data_dir: dir.path().to_owned(), ..Config::load(None)? }).await?;
    let admin = bootstrap::first_admin(&ctx, "admin@example.test").await?.context("there is an administrator")?;
    let slow_ms: u64 = std::env::args().nth(2).as_deref().unwrap_or("0").parse()?;
    let nodes = shop::open(&ctx, NODES).await?;
    for node in &nodes {
        node.host().lively = true;
        node.faults().slow = Duration::from_millis(slow_ms);
    }
    let shutdown = CancellationToken::new();
    tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                shutdown.cancel();
            }
        }
    });
    let told = move |address: SocketAddr| {
        println!("{}", serde_json::json!({ "url": format!("https://{address}"), "token": admin.token }));
    };
    let ended = berth_control::run(ctx, shutdown, told).await;
    drop(nodes);
    ended
}
