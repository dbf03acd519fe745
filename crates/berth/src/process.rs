//! What every long-running subcommand does the same: its log, its memory and its end.

use std::{io::IsTerminal, time::Duration};

use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::{
    signal::unix::{SignalKind, signal},
    time,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn,h2=warn,rustls=warn";
/// Below `berth up`, whose own lines should not drown in those of every request.
const FILTER_BELOW_UP: &str = "warn";

/// The first return comes when a start is over and what it built (the API's description, migrations) is gone.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
const MEMORY_RETURN_INTERVAL: Duration = Duration::from_secs(60);

/// Set for the processes below `berth up`, which end when it is gone, however it went.
pub const WITH_PARENT: &str = "BERTH_WITH_PARENT";

/// Before anything else: a parent that is gone already is noticed by nobody.
pub fn follow_parent() {
    if std::env::var_os(WITH_PARENT).is_some() {
        // Not supported would mean an ancient kernel; then an orphan has to be ended by hand.
        set_parent_process_death_signal(Some(Signal::TERM)).ok();
    }
}

/// To standard error; `BERTH_LOG` filters it (`debug`, `berth_agent=debug`, ...). As JSON for programs where the
/// configuration says so; `BERTH_LOG_FORMAT` wins over it.
pub fn start_logging(json: bool) {
    let json = std::env::var("BERTH_LOG_FORMAT").map_or(json, |format| format == "json");
    let default = if std::env::var_os(WITH_PARENT).is_some() { FILTER_BELOW_UP } else { DEFAULT_FILTER };
    let filter = EnvFilter::try_from_env("BERTH_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // Refused where there is one already: then that one is right.
    if json {
        builder.json().try_init().ok();
    } else {
        builder.try_init().ok();
    }
}

/// Cancels at the first SIGINT or SIGTERM.
pub fn cancel_on_signal(shutdown: CancellationToken) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        shutdown.cancel();
    });
    Ok(())
}

/// Memory that was freed goes back to the system, now and then: glibc keeps what lies below anything that is still in
/// use, which after a start is some ten megabytes. A millisecond of work each time.
pub fn return_memory() {
    tokio::spawn(async {
        let mut tick = time::interval_at(time::Instant::now() + SETTLED_AFTER, MEMORY_RETURN_INTERVAL);
        loop {
            tick.tick().await;
            // SAFETY: may be called at any time from any thread, as malloc_trim(3) says.
            unsafe { libc::malloc_trim(0) };
        }
    });
}
