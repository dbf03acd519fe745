//! The meter: every hour that ended becomes rows of the ledger, once, however late it comes.
//!
//! A server's row says which hour is next. The rows of the ledger and the step to the hour after them are one
//! transaction, which counts only where that row is as it was read; and the ledger has a unique index over server, item
//! and hour. So a meter that is killed, runs twice, or did not run for a month leaves the same ledger.
//!
//! Where no hour of the months that are over is left to be booked, they are final, and nothing is booked in them any more.

use berth_store::{
    Micros, Tx,
    self_service::{finality, ledger, meter, rate},
};

use super::{
    follow,
    hours::{Month, hour_of},
    rating::{self, Booked, Rates},
};
use crate::{Context, Error, clock::HOUR};

/// Servers in one transaction.
const SERVERS: u64 = 20;
/// Hours of one of them in it.
const HOURS: i64 = 48;
/// Servers that are looked at in one transaction for changes that nobody wrote down.
const LOOKED_AT: u64 = 200;

/// Books every hour that has ended, then says which months are final.
pub async fn run(ctx: &Context) -> Result<(), Error> {
    book_all(ctx).await?;
    close_months(ctx).await
}

async fn book_all(ctx: &Context) -> Result<(), Error> {
    if meter::due(ctx.store.read(), hour_of(ctx.now()), 1).await?.is_empty() {
        return Ok(());
    }
    look_at_all(ctx).await?;
    loop {
        let until = hour_of(ctx.now());
        let due: Vec<i64> =
            meter::due(ctx.store.read(), until, SERVERS).await?.into_iter().map(|row| row.server_id).collect();
        if due.is_empty() {
            return Ok(());
        }
        let now = ctx.now();
        let booked = ctx.store.write_tx::<_, Error>(|tx| {
            let due = due.clone();
            Box::pin(async move {
                for server_id in due {
                    book(tx, server_id, until, now).await?;
                }
                Ok(())
            })
        });
        booked.await?;
    }
}

/// Months that are over are final when all of their hours are booked.
async fn close_months(ctx: &Context) -> Result<(), Error> {
    let now = ctx.now();
    let open = Month::of(now).start();
    if finality::get(ctx.store.read()).await? >= open {
        return Ok(());
    }
    let closed = ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            if meter::due(tx, open, 1).await?.is_empty() {
                finality::advance(tx, open, now).await?;
            }
            Ok(())
        })
    });
    closed.await
}

/// The next hours of one server.
async fn book(tx: &Tx, server_id: i64, until: Micros, now: Micros) -> Result<(), Error> {
    let Some(server) = meter::by_id(tx, server_id).await? else { return Ok(()) };
    let Some(next) = server.next_hour_at.filter(|next| *next < until) else { return Ok(()) };
    // An order that was written down when its month was final already is not charged in it.
    let from = next.max(finality::hold(tx).await?);
    let to = until.min(from + HOURS * HOUR);
    let spans = meter::spans(tx, &[server_id]).await?;
    // After its end nothing follows.
    let end = spans.iter().map(|span| span.until_at).max_by_key(|until| until.unwrap_or(Micros::MAX)).flatten();
    let is_over = server.ended_at.is_some() && end.is_none_or(|end| end <= to);
    if !meter::advance(tx, server_id, next, Some(to).filter(|_| !is_over)).await? {
        return Ok(());
    }
    let rates = Rates::new(rate::history(tx, &rating::subjects(&spans)).await?);
    let month = Month::of(from);
    let mut booked = Booked { month, hours: ledger::booked(tx, server_id, month.start(), from).await? };
    let hours = rating::hours(&server, &spans, &rates, &mut booked, (from, to));
    Ok(ledger::book_usage(tx, &hours, now).await?)
}

/// A change that was not written down when it was made is from here on.
async fn look_at_all(ctx: &Context) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let ids = meter::running(ctx.store.read(), after, LOOKED_AT).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        let now = ctx.now();
        let looked = ctx.store.write_tx::<_, Error>(|tx| {
            let ids = ids.clone();
            Box::pin(async move {
                for id in ids {
                    follow::follow(tx, id, now).await?;
                }
                Ok(())
            })
        });
        looked.await?;
    }
}
