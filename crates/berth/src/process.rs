//! What every long-running subcommand does the same: its log and its end.

use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn,h2=warn,rustls=warn";

/// Set for the processes below `berth up`, which end when it is gone, however it went.
pub const WITH_PARENT: &str = "BERTH_WITH_PARENT";

/// Before anything else: a parent that is gone already is noticed by nobody.
pub fn follow_parent() {
    if std::env::var_os(WITH_PARENT).is_some() {
        // Not supported would mean an ancient kernel; then an orphan has to be ended by hand.
        set_parent_process_death_signal(Some(Signal::TERM)).ok();
    }
}

/// To standard error; `BERTH_LOG` filters it (`debug`, `berth_agent=debug`, ...), `BERTH_LOG_FORMAT=json` is for
/// programs.
pub fn start_logging() {
    let filter = EnvFilter::try_from_env("BERTH_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Refused where there is one already: then that one is right.
    if std::env::var("BERTH_LOG_FORMAT").is_ok_and(|format| format == "json") {
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
