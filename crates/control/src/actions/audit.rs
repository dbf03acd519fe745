//! Audit entries as actions write them.

use berth_store::{Micros, audit::NewEntry};
use serde_json::Value;

use crate::actor::{Actor, ActorKind};

/// An entry for what `actor` did; `before` and `after` hold no secrets.
pub fn entry(
    actor: &Actor,
    at: Micros,
    action: &str,
    subject: (&str, i64),
    before: Option<Value>,
    after: Option<Value>,
) -> NewEntry {
    let (actor_kind, actor_id) = match actor.kind {
        ActorKind::Token => ("token", actor.token_id),
        ActorKind::System => ("system", None),
    };
    NewEntry {
        at,
        actor_kind: actor_kind.to_owned(),
        actor_id,
        user_id: actor.user_id,
        address: actor.address.map(|address| address.to_string()),
        request_id: actor.request_id.clone(),
        action: action.to_owned(),
        subject_kind: subject.0.to_owned(),
        subject_id: Some(subject.1),
        before,
        after,
    }
}
