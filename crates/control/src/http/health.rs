//! Whether this process lives, and whether it can do its work. Asked without a token, as often as one likes.
//!
//! A control server that can only read can't do its work: nothing can be ordered, no job goes on. A full disk and a
//! database that was made read-only look well to whoever reads, so the question is answered by a write.

use std::time::Duration;

use axum::{Router, extract::State, routing::get};
use berth_store::{Micros, setting};
use tokio::sync::Mutex;

use crate::{Context, Error, clock::SECOND};

/// How long the database may take to show that it is there.
const READY_LIMIT: Duration = Duration::from_secs(2);
/// How long an answer holds; whoever asks in between causes no write.
const KEPT_FOR: Micros = 5 * SECOND;
/// The setting that is written.
const PROBE: &str = "last_write_probe";

/// The newest answer: when it was found, and why not where the database can't be written to. Held while it is found
/// anew, so that many who ask at once cause one write.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Micros, Result<(), &'static str>)>>);

pub fn router() -> Router<Context> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

async fn ready(State(ctx): State<Context>) -> Result<&'static str, Error> {
    let mut kept = ctx.readiness.0.lock().await;
    let now = ctx.now();
    let found = match *kept {
        Some((at, found)) if (at..at + KEPT_FOR).contains(&now) => found,
        _ => probe(&ctx, now).await,
    };
    if kept.is_none_or(|(at, _)| !(at..at + KEPT_FOR).contains(&now)) {
        *kept = Some((now, found));
    }
    match found {
        Ok(()) => Ok("ready\n"),
        Err(why) => Err(Error::Unavailable(why.to_owned())),
    }
}

/// Whether a write transaction can begin, read whose database it is, write and commit.
async fn probe(ctx: &Context, now: Micros) -> Result<(), &'static str> {
    let written = ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            let ours = setting::get(tx, "cluster_uuid").await?.is_some();
            if ours {
                setting::set(tx, PROBE, &now.to_string(), now).await?;
            }
            Ok(ours)
        })
    });
    match tokio::time::timeout(READY_LIMIT, written).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("The database is not this installation's."),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database can't be written to");
            Err("The database does not answer, or can't be written to.")
        }
        Err(_) => Err("The database does not answer in time."),
    }
}
