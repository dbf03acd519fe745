//! Places for streams that stay open: so many for one token, so many in all, so that watchers don't take what requests
//! need.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::Error;

/// Streams that one token may have open in this process.
pub const OF_A_TOKEN: usize = 32;
/// Streams that may be open in this process.
pub const IN_ALL: usize = 512;
/// When one who found no place may come again.
const COME_AGAIN_S: u64 = 5;

/// Open streams of each token.
#[derive(Default)]
pub struct Streams(Mutex<HashMap<Option<i64>, usize>>);

/// Given back when it is dropped.
pub struct Place {
    streams: Arc<Streams>,
    token: Option<i64>,
}

impl Streams {
    pub fn take(self: &Arc<Self>, token: Option<i64>) -> Result<Place, Error> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.entry(token).or_default();
        if *own >= OF_A_TOKEN || all >= IN_ALL {
            return Err(Error::TooMany { retry_after_s: COME_AGAIN_S });
        }
        *own += 1;
        Ok(Place { streams: Arc::clone(self), token })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.token) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_a_token_and_in_all_and_come_back() {
        let streams = Arc::new(Streams::default());
        let mut places: Vec<Place> = (0..OF_A_TOKEN).map(|_| streams.take(Some(1)).unwrap()).collect();
        assert!(matches!(streams.take(Some(1)), Err(Error::TooMany { retry_after_s: COME_AGAIN_S })));
        places.pop();
        places.push(streams.take(Some(1)).unwrap());
        let tokens = (2..).map(Some);
        let others = tokens.take(IN_ALL / OF_A_TOKEN - 1);
        places.extend(others.flat_map(|token| (0..OF_A_TOKEN).map(move |_| token)).map(|t| streams.take(t).unwrap()));
        assert!(streams.take(Some(9_999)).is_err(), "no place is left for anybody");
        drop(places);
        assert!(streams.take(Some(9_999)).is_ok());
    }
}
