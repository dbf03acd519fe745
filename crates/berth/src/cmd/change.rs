//! What the commands that change or remove something have in common.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Map, Value};

/// A field's name, and its value where it was named.
pub type Field = (&'static str, Option<Value>);

/// The fields that were named, as the API takes them; none at all is a mistake.
pub fn fields(named: impl IntoIterator<Item = Field>) -> anyhow::Result<Value> {
    let given = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let body: Map<String, Value> = given.collect();
    anyhow::ensure!(!body.is_empty(), "Say what to change: --help lists what can be.");
    Ok(Value::Object(body))
}

/// A flag's value as a field.
pub fn field<T: Serialize>(name: &'static str, value: Option<T>) -> Field {
    (name, value.and_then(|value| serde_json::to_value(value).ok()))
}

/// As [`field`], of something that an empty value takes away.
pub fn nullable(name: &'static str, value: Option<String>) -> Field {
    (name, value.map(|value| if value.is_empty() { Value::Null } else { Value::String(value) }))
}

/// Asks before something is gone. Without a terminal nobody can answer, so that the flag is needed.
pub fn confirm(what: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    anyhow::ensure!(std::io::stdin().is_terminal(), "Give --yes to remove {what} without being asked.");
    eprint!("Remove {what}? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("reading the answer")?;
    anyhow::ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "Nothing was removed.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_named_is_sent() {
        let sent = fields([field("a", Some(1)), field::<i64>("b", None), nullable("c", Some(String::new()))]);
        assert_eq!(sent.unwrap(), json!({ "a": 1, "c": null }));
        assert!(fields([field::<bool>("a", None)]).is_err());
    }
}
