//! What a queue item says to people.

use berth_api::time;
use berth_store::{entity::job as entity, job};

use super::Kind;

/// What happened, and what happens next or is to be done; `None` where nothing went wrong.
pub fn told(row: &entity::Model) -> Option<String> {
    let error = row.error.as_deref()?;
    let next = match row.state.as_str() {
        job::FAILED => Kind::from_name(&row.kind).map_or("", Kind::advice).to_owned(),
        job::CANCELLED => "Retry it if it is wanted after all.".to_owned(),
        _ => format!("It is tried again at {}.", time::offset(row.run_at)),
    };
    Some(format!("{error} {next}").trim_end().to_owned())
}
