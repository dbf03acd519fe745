//! The control server as a whole: the web server, the job runner, the nodes' watchers and the scheduler.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use crate::{Context, http, jobs, mail, metrics, nodes, scheduler};

/// Runs until `shutdown`, or until the web server fails. `ready` is called once connections are taken.
pub async fn run(
    ctx: Context,
    shutdown: CancellationToken,
    ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> anyhow::Result<()> {
    let owner = format!("{}-{}", std::process::id(), ctx.rng.letters_and_digits(8));
    let parts = tokio_util::task::TaskTracker::new();
    parts.spawn(jobs::run(ctx.clone(), owner.clone(), shutdown.clone()));
    parts.spawn(nodes::watch::run(ctx.clone(), shutdown.clone()));
    parts.spawn(scheduler::run(ctx.clone(), owner, shutdown.clone()));
    parts.spawn(mail::run(ctx.clone(), shutdown.clone()));
    parts.spawn(metrics::run(ctx.clone(), shutdown.clone()));
    let served = http::serve(ctx, shutdown.clone(), ready).await;
    shutdown.cancel();
    parts.close();
    parts.wait().await;
    served
}
