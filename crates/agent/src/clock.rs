//! The clock, passed in so that tests turn it. The only place of the agent that reads the system's.

pub trait Clock: Send + Sync {
    /// Microseconds since 1970 in UTC.
    fn now_us(&self) -> i64;
}

/// The node's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now_us(&self) -> i64 {
        chrono::Utc::now().timestamp_micros()
    }
}
