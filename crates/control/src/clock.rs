//! The clock, passed in so that tests turn it. The only place that reads the system's.

use berth_store::Micros;

pub trait Clock: Send + Sync {
    /// Microseconds since 1970 in UTC.
    fn now(&self) -> Micros;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Micros {
        chrono::Utc::now().timestamp_micros()
    }
}

pub const SECOND: Micros = 1_000_000;
pub const MINUTE: Micros = 60 * SECOND;
pub const HOUR: Micros = 60 * MINUTE;
pub const DAY: Micros = 24 * HOUR;
