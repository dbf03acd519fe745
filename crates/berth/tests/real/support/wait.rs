//! Waiting for a condition in place of sleeping.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const POLL_MS: u64 = 100;

/// Polls until `probe` gives something; panics with `what` past the limit.
pub async fn until<T, F: AsyncFnMut() -> Option<T>>(what: &str, limit_s: u64, mut probe: F) -> T {
    let end = Instant::now() + Duration::from_secs(limit_s);
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {limit_s} s");
        sleep(Duration::from_millis(POLL_MS)).await;
    }
}
