//! What the node tells by itself: an outbox on disk, emptied as the control server acknowledges.
//!
//! An incarnation is one life of the outbox's file; sequences count from 1 without gaps within it. A control server
//! that knows another incarnation gets everything that is there.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use berth_proto::{self as proto, event::What};
use prost::Message;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::ledger::file::replace;

/// When nobody listens for long, the oldest go: power states are told anew by looking.
const EVENTS_LIMIT: usize = 10_000;
const FILE: &str = "outbox.json";

pub struct Outbox {
    dir: PathBuf,
    state: Mutex<State>,
    /// The newest sequence; wakes those that watch.
    newest: watch::Sender<u64>,
}

#[derive(Default, Deserialize, Serialize)]
struct State {
    incarnation: String,
    next: u64,
    /// Encoded events, oldest first.
    events: VecDeque<(u64, String)>,
}

impl Outbox {
    /// Reads what was not acknowledged; `fresh` names a new incarnation where there is no file.
    pub fn open(dir: PathBuf, fresh: &str) -> std::io::Result<Self> {
        let read = std::fs::read(dir.join(FILE)).ok().and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
        let state = read.unwrap_or_else(|| State { incarnation: fresh.to_owned(), next: 1, events: VecDeque::new() });
        replace(&dir, FILE, &serde_json::to_vec(&state)?)?;
        let (newest, _) = watch::channel(state.next - 1);
        Ok(Self { dir, state: Mutex::new(state), newest })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event. One that can't be written is told all the same, as long as this process lives.
    pub fn push(&self, at_us: i64, server_uuid: &str, what: What) {
        let mut state = self.lock();
        let sequence = state.next;
        let event = proto::Event {
            incarnation: state.incarnation.clone(),
            sequence,
            at_us,
            server_uuid: server_uuid.to_owned(),
            what: Some(what),
        };
        state.events.push_back((sequence, BASE64.encode(event.encode_to_vec())));
        state.next += 1;
        while state.events.len() > EVENTS_LIMIT {
            state.events.pop_front();
        }
        self.save(&state);
        drop(state);
        self.newest.send_replace(sequence);
    }

    fn save(&self, state: &State) {
        let saved =
            serde_json::to_vec(state).map_err(std::io::Error::from).and_then(|bytes| replace(&self.dir, FILE, &bytes));
        if let Err(error) = saved {
            tracing::error!(%error, "the outbox can't be written");
        }
    }

    /// Events that come after a position, and what wakes when there are more.
    pub fn after(&self, incarnation: &str, sequence: u64) -> (Vec<proto::Event>, watch::Receiver<u64>) {
        let state = self.lock();
        let from = if incarnation == state.incarnation { sequence } else { 0 };
        let newer = state.events.iter().filter(|(sequence, _)| *sequence > from);
        let events =
            newer.filter_map(|(_, text)| proto::Event::decode(BASE64.decode(text).ok()?.as_slice()).ok()).collect();
        let mut newest = self.newest.subscribe();
        newest.mark_unchanged();
        (events, newest)
    }

    pub fn acknowledge(&self, incarnation: &str, sequence: u64) {
        let mut state = self.lock();
        if incarnation == state.incarnation && state.events.front().is_some_and(|(first, _)| *first <= sequence) {
            state.events.retain(|(of, _)| *of > sequence);
            self.save(&state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(outbox: &Outbox, incarnation: &str, after: u64) -> Vec<u64> {
        outbox.after(incarnation, after).0.iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn events_stay_through_a_restart_until_they_are_acknowledged() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(dir.path().into(), "one").unwrap();
        for _ in 0..3 {
            outbox.push(1, "server", What::GuestUp(proto::GuestUp {}));
        }
        let outbox = Outbox::open(dir.path().into(), "two").unwrap();
        assert_eq!(sequences(&outbox, "one", 1), [2, 3], "after what was applied");
        assert_eq!(sequences(&outbox, "other", 3), [1, 2, 3], "everything to one who knows another incarnation");
        outbox.acknowledge("other", 3);
        assert_eq!(sequences(&outbox, "one", 0), [1, 2, 3]);
        outbox.acknowledge("one", 2);
        assert_eq!(sequences(&outbox, "one", 0), [3]);
        outbox.push(2, "server", What::GuestUp(proto::GuestUp {}));
        assert_eq!(sequences(&outbox, "one", 3), [4], "numbers go on without a gap");
    }
}
