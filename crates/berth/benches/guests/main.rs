//! What a customer waits for and what an idle Berth costs, with real guests and release binaries.
//!
//! - `build accepted → SSH login`, against `qemu-img create`, `virsh define` and `virsh start` of the same image, seed
//!   and XML by hand, in interleaved pairs;
//! - resident memory of an idle control server and agent;
//! - time from a process's start until it serves.
//!
//! `BERTH_BENCH_PAIRS` is the number of pairs (10).

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock, and ends where it fails"
)]

#[allow(dead_code)]
#[path = "../../tests/real/support/mod.rs"]
mod support;

mod build;
mod idle;
mod report;

use support::berth::Berth;

const SLOT: u8 = 90;
const PAIRS: usize = 10;

#[tokio::main]
async fn main() {
    // `cargo test --benches` only proves that it compiles.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let pairs = std::env::var("BERTH_BENCH_PAIRS").ok().and_then(|n| n.parse().ok()).unwrap_or(PAIRS);
    let mut berth = Berth::start(SLOT).await;
    idle::measure(&mut berth).await;
    build::measure(&mut berth, pairs).await;
    berth.finish().await;
}
