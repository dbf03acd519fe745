//! Times of many requests, told as a rate and percentiles.

use std::{
    fmt,
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

pub struct Figures {
    /// In order.
    times: Vec<Duration>,
    over: Duration,
}

impl Figures {
    /// `over` is how long it took in all, with everything that ran side by side.
    pub fn new(mut times: Vec<Duration>, over: Duration) -> Self {
        times.sort_unstable();
        Self { times, over }
    }

    pub fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.over.as_secs_f64()
    }

    pub fn percentile_ms(&self, percent: usize) -> f64 {
        self.percentile(percent).as_secs_f64() * 1000.0
    }

    fn percentile(&self, percent: usize) -> Duration {
        let at = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times.get(at).copied().unwrap_or_default()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let (p50, p99, worst) = (self.percentile(50), self.percentile(99), self.percentile(100));
        write!(
            f,
            "{:>6.0}/s  p50 {:>6.2} ms  p99 {:>6.2} ms  worst {:>6.1} ms  ({} requests)",
            self.per_second(),
            ms(p50),
            ms(p99),
            ms(worst),
            self.times.len()
        )
    }
}

/// A line that says whether a goal is met.
pub fn goal(what: &str, is_met: bool) {
    println!("              goal {what}: {}", if is_met { "met" } else { "MISSED" });
}

/// What durability costs on this disk, below any database.
pub fn sync_cost(dir: &Path) -> Figures {
    const WRITES: usize = 300;
    let path = dir.join("sync");
    let mut file = File::create(&path).unwrap();
    let begun = Instant::now();
    let times = (0..WRITES).map(|_| {
        let begun = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        begun.elapsed()
    });
    let figures = Figures::new(times.collect(), begun.elapsed());
    std::fs::remove_file(path).unwrap();
    figures
}
