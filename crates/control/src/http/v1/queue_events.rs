//! The queue as it changes, as server-sent events.
//!
//! A stream reads the database again and again, so it tells of work that another control server does too, outlives a
//! database that is away for a while, and has nothing to lose: who asks anew gets the present state first.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use axum::{
    extract::{Path, State},
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use berth_api::v1::queue::QueueItem;
use berth_store::{Micros, StoreError, entity::job as entity, job};
use futures::stream;
use tokio::time::Instant;

use super::queue::{self, ITEM};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::SECOND,
    http::{
        extract::{self, Query},
        streams::Place,
    },
};

/// How often a stream of one item looks.
const LOOK: Duration = Duration::from_millis(500);
/// How often a stream of many does.
const LOOK_AT_ALL: Duration = Duration::from_secs(1);
/// A stream ends after this long; its client opens the next. So a token that was revoked does not listen for ever.
const LIFE: Duration = Duration::from_secs(600);
/// A stream on which nothing happens is heard of this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes that one look takes in.
const CHANGES: u64 = 1_000;
/// Changes are committed a little after the time that they bear, and clocks of control servers differ.
const OVERLAP: Micros = 5 * SECOND;

/// Watch a queue item until it has ended.
///
/// An addition of Berth's. Server-sent events: `item` holds the item with its steps, first as it is and then whenever its
/// state, step, progress or sentence changes. The stream ends after the event whose item is `finished`, and after ten
/// minutes at the latest; ask again then.
#[utoipa::path(get, path = "/queue/{queueId}/events", tag = "Queue", operation_id = "watch",
    params(("queueId" = i64, Path, description = "As an operation answered it.")),
    responses((status = 200, description = "Events.", body = QueueItem, content_type = "text/event-stream"),
        (status = 404, description = "There is no such item.")))]
pub async fn of_item(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<Response, Error> {
    actor.require(Ability::Read)?;
    let row = job::by_id(ctx.store.read(), extract::id(&id, ITEM)?).await?.ok_or(Error::NotFound(ITEM))?;
    let place = ctx.streams.take(actor.token_id)?;
    let item = OfItem {
        id: row.id,
        seen: None,
        is_over: false,
        until: Instant::now() + LIFE,
        ctx: ctx.clone(),
        _place: place,
    };
    Ok(answer(Sse::new(stream::unfold(item, OfItem::next))))
}

/// Watch the queue.
///
/// An addition of Berth's. Server-sent events: `item` holds an item without its steps, whenever one is queued or its state,
/// step, progress or sentence changes. The stream ends after ten minutes; ask again then, with `since`.
#[utoipa::path(get, path = "/queue/events", tag = "Queue", operation_id = "watch_all",
    params(("serverId" = Option<i64>, Query, description = "Only this server's."),
        ("hypervisorId" = Option<i64>, Query, description = "Only this hypervisor's."),
        ("since" = Option<String>, Query, description = "Begin with what changed from this time on (RFC 3339); by \
          default with what changes now.")),
    responses((status = 200, description = "Events.", body = QueueItem, content_type = "text/event-stream")))]
pub async fn all(State(ctx): State<Context>, actor: Actor, query: Query) -> Result<Response, Error> {
    actor.require(Ability::Read)?;
    let filter = job::Filter {
        server_id: query.number("serverId")?,
        hypervisor_id: query.number("hypervisorId")?,
        ..job::Filter::default()
    };
    let since = query.moment("since")?.map_or(ctx.now(), |since| since + OVERLAP);
    let place = ctx.streams.take(actor.token_id)?;
    let items = OfAll {
        filter,
        since,
        told: HashMap::new(),
        to_tell: VecDeque::new(),
        until: Instant::now() + LIFE,
        ctx: ctx.clone(),
        _place: place,
    };
    Ok(answer(Sse::new(stream::unfold(items, OfAll::next))))
}

type Told = Result<Event, axum::Error>;

fn answer<S>(events: Sse<S>) -> Response
where
    S: futures::Stream<Item = Told> + Send + 'static,
{
    let mut response = events.keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // Proxies that gather answers before they pass them on are asked not to.
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response.headers_mut().insert(unbuffered.0, unbuffered.1);
    response
}

fn event(row_updated_at: Micros, item: &QueueItem) -> Told {
    Event::default().event("item").id(row_updated_at.to_string()).json_data(item)
}

/// What makes a change worth an event; leases and pauses do not.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    state: String,
    step: String,
    progress: i32,
    attempt: i32,
    error: Option<String>,
    cancel_requested: bool,
}

impl Seen {
    fn of(row: &entity::Model) -> Self {
        Seen {
            state: row.state.clone(),
            step: row.step.clone(),
            progress: row.progress,
            attempt: row.attempt,
            error: row.error.clone(),
            cancel_requested: row.cancel_requested,
        }
    }
}

struct OfItem {
    ctx: Context,
    id: i64,
    seen: Option<Seen>,
    is_over: bool,
    until: Instant,
    _place: Place,
}

impl OfItem {
    async fn next(mut self) -> Option<(Told, Self)> {
        while !self.is_over && Instant::now() < self.until {
            match self.look().await {
                Ok(Some(event)) => return Some((event, self)),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "a stream could not read the queue"),
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }

    async fn look(&mut self) -> Result<Option<Told>, Error> {
        let Some(row) = job::by_id(self.ctx.store.read(), self.id).await? else {
            self.is_over = true;
            return Ok(None);
        };
        let now = Seen::of(&row);
        if self.seen.as_ref() == Some(&now) {
            return Ok(None);
        }
        let (updated_at, is_over) = (row.updated_at, row.finished_at.is_some());
        let item = queue::with_steps_of(&self.ctx, row).await?;
        (self.seen, self.is_over) = (Some(now), is_over);
        Ok(Some(event(updated_at, &item)))
    }
}

struct OfAll {
    ctx: Context,
    filter: job::Filter,
    /// The newest change that was told of.
    since: Micros,
    /// What was told of the items that changed lately.
    told: HashMap<i64, (Micros, Seen)>,
    to_tell: VecDeque<Told>,
    until: Instant,
    _place: Place,
}

impl OfAll {
    async fn next(mut self) -> Option<(Told, Self)> {
        loop {
            if let Some(event) = self.to_tell.pop_front() {
                return Some((event, self));
            }
            if Instant::now() >= self.until {
                return None;
            }
            match self.look().await {
                Ok(()) if !self.to_tell.is_empty() => continue,
                Ok(()) => {}
                Err(error) => tracing::debug!(%error, "a stream could not read the queue"),
            }
            tokio::time::sleep(LOOK_AT_ALL).await;
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let rows = job::changed(self.ctx.store.read(), &self.filter, self.since - OVERLAP, CHANGES).await?;
        let is_all = (rows.len() as u64) < CHANGES;
        for row in rows {
            let (id, updated_at, now) = (row.id, row.updated_at, Seen::of(&row));
            // Where more changed than one look takes in, the next one begins where this one ended.
            self.since = self.since.max(if is_all { updated_at } else { updated_at + OVERLAP });
            if self.told.get(&id).is_none_or(|(_, seen)| *seen != now) {
                self.to_tell.push_back(event(updated_at, &queue::item(row, Vec::new())));
            }
            self.told.insert(id, (updated_at, now));
        }
        let oldest = self.since - 2 * OVERLAP;
        self.told.retain(|_, (updated_at, _)| *updated_at >= oldest);
        Ok(())
    }
}
