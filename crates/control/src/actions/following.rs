//! Waiting until a server's node has followed: for a bounded time, outside of any transaction. The work goes on whether
//! anybody waits for it or not.

use std::time::Duration;

use berth_store::server;

use crate::{Context, Error, jobs::Kind};

/// How often it is looked without word of a job's end: another control server may do the work.
const LOOK: Duration = Duration::from_millis(500);
/// Longer than this nobody waits, whatever the settings say: a request has a minute.
const MOST_S: u32 = 50;

/// Until the node has carried out what the server's rows say now, or the work that tells it has ended, or the time of the
/// settings is over. What it came to is to be read afterwards.
pub async fn wait(ctx: &Context, server_id: i64) -> Result<(), Error> {
    let limit = Duration::from_secs(ctx.config.firewall_wait_s.min(MOST_S).into());
    tokio::time::timeout(limit, followed(ctx, server_id)).await.unwrap_or(Ok(()))
}

async fn followed(ctx: &Context, server_id: i64) -> Result<(), Error> {
    let mut asked = None;
    loop {
        // Before the look, so that an end right after it is heard.
        let ended = ctx.ended.notified();
        let Some(now) = server::following(ctx.store.read(), server_id, Kind::Apply.name()).await? else {
            return Ok(());
        };
        // Changes that others make meanwhile are not waited for.
        let wanted = *asked.get_or_insert(now.generation);
        if now.applied_generation >= wanted || !now.is_worked_on {
            return Ok(());
        }
        // It has ended, or it is time to look.
        let _ = tokio::time::timeout(LOOK, ended).await;
    }
}
