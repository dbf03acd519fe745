//! Audit entries as actions write them.

use berth_store::{Micros, audit::NewEntry};
use serde_json::Value;

use crate::actor::{Actor, ActorKind};

/// What of two flat objects differs, as an entry says it; `None` where nothing does.
pub fn differences(before: Value, after: Value) -> Option<(Value, Value)> {
    let (Value::Object(mut before), Value::Object(mut after)) = (before, after) else { return None };
    before.retain(|name, value| after.get(name) != Some(value));
    after.retain(|name, _| before.contains_key(name));
    (!before.is_empty()).then(|| (before.into(), after.into()))
}

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
        ActorKind::Person => ("user", actor.user_id),
        ActorKind::CustomerToken => ("customer_token", actor.token_id),
        ActorKind::Node => ("node", None),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let (before, after) = (json!({ "a": 1, "b": null, "c": "x" }), json!({ "a": 2, "b": 3, "c": "x" }));
        let told = differences(before.clone(), after);
        assert_eq!(told, Some((json!({ "a": 1, "b": null }), json!({ "a": 2, "b": 3 }))));
        assert_eq!(differences(before.clone(), before), None);
    }
}
