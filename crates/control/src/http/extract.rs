//! How requests are read: leniently where clients of the Global API are used to it.

use std::str::FromStr;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use berth_store::Micros;
use chrono::DateTime;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Error;

/// PostgreSQL keeps no text with it, so that nothing is ever named so; a query for it would fail there.
pub const NUL: char = '\0';
/// Of a field's name that a refusal repeats.
const FIELD_CHARS: usize = 60;

/// A JSON body. An empty one and `[]` stand for no fields at all, with or without a content type.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| Error::invalid(format!("The body can't be read: {error}.")))?;
        parse(&bytes).map(Body)
    }
}

/// Reads a small body that nobody wants: a client that is answered while it sends takes that for a broken connection.
pub async fn discard(body: axum::body::Body) {
    let _ = axum::body::to_bytes(body, super::body::BODY_LIMIT_BYTES).await;
}

/// Parses a body; an error names the field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let value = if bytes.iter().all(u8::is_ascii_whitespace) {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::invalid(format!("The body is not valid JSON: {error}.")))?
    };
    let value = match value {
        Value::Array(items) if items.is_empty() => Value::Object(Map::new()),
        Value::Null => Value::Object(Map::new()),
        Value::Object(_) => value,
        _ => return Err(Error::invalid("The body must be a JSON object.")),
    };
    refuse_nul(&value)?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner();
        Error::invalid(if path == "." {
            format!("The body is not valid: {why}.")
        } else {
            format!("The {path} field is not valid: {why}.")
        })
    })
}

fn refuse_nul(body: &Value) -> Result<(), Error> {
    let mut fields = body.as_object().into_iter().flatten();
    match fields.find(|(name, value)| name.contains(NUL) || has_nul(value)) {
        Some((name, _)) => Err(refused_nul(name)),
        None => Ok(()),
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(NUL),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains(NUL) || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn refused_nul(field: &str) -> Error {
    let field: String = field.chars().filter(|c| !c.is_control()).take(FIELD_CHARS).collect();
    Error::invalid(format!("The {field} field has the character U+0000 in it, which no text may have."))
}

/// A number in a path, or the 404 of the thing that it would name.
pub fn id(text: &str, thing: &'static str) -> Result<i64, Error> {
    text.parse().ok().filter(|id| *id > 0).ok_or(Error::NotFound(thing))
}

/// The pairs of a query, in order. Names with `[]` may occur several times.
pub struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let with_nul = pairs.iter().find(|(name, value)| name.contains(NUL) || value.contains(NUL));
        match with_nul.map(|(name, _)| refused_nul(name)) {
            Some(refused) => Err(refused),
            None => Ok(Query(pairs)),
        }
    }
}

impl Query {
    /// The last value of a name, as the usual frameworks take it; empty counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of `name` and of `name[]`.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let list = format!("{name}[]");
        let is_it = move |key: &str| key == name || key == list || key.strip_prefix(name).is_some_and(is_index);
        self.0.iter().filter(move |(key, _)| is_it(key)).map(|(_, value)| value.as_str())
    }

    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        let parse =
            |text: &str| text.parse().map_err(|_| Error::invalid(format!("The {name} must be a whole number.")));
        self.text(name).map(parse).transpose()
    }

    pub fn numbers(&self, name: &str) -> Result<Vec<i64>, Error> {
        let parse = |text: &str| text.parse().map_err(|_| Error::invalid(format!("The {name} must be whole numbers.")));
        self.all(name).filter(|text| !text.is_empty()).map(parse).collect()
    }

    /// A time as RFC 3339 writes it.
    pub fn moment(&self, name: &str) -> Result<Option<Micros>, Error> {
        let parse = |text: &str| {
            let time = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros());
            time.map_err(|_| Error::invalid(format!("The {name} must be a time such as 2025-01-20T14:00:47Z.")))
        };
        self.text(name).map(parse).transpose()
    }

    /// `true`, `1` and the like; absent is false.
    pub fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0" | "no" | "off") => Ok(false),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some(_) => Err(Error::invalid(format!("The {name} must be true or false."))),
        }
    }
}

/// `[0]`, `[1]`: the form in which some clients write lists.
fn is_index(rest: &str) -> bool {
    rest.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Sample {
        memory: i64,
    }

    #[test]
    fn bodies_without_fields_are_accepted_in_every_form_that_clients_send() {
        for body in ["", "  ", "[]", "{}", "null"] {
            assert_eq!(parse::<Sample>(body.as_bytes()).unwrap(), Sample::default(), "{body:?}");
        }
    }

    #[test]
    fn an_error_names_the_field() {
        let Err(Error::Invalid(errors)) = parse::<Sample>(br#"{"memory": {}}"#) else { panic!("accepted") };
        assert!(errors[0].contains("memory"), "{errors:?}");
        for body in ["[1]", "\"x\"", "{", "7"] {
            assert!(matches!(parse::<Sample>(body.as_bytes()), Err(Error::Invalid(_))), "{body:?}");
        }
    }

    #[test]
    fn no_text_has_a_nul_in_it() {
        for body in [r#"{"memory": "1\u0000"}"#, r#"{"memory": [{"a": ["\u0000"]}]}"#, r#"{"memory": {"\u0000": 1}}"#] {
            let Err(Error::Invalid(errors)) = parse::<Sample>(body.as_bytes()) else { panic!("accepted {body}") };
            assert!(errors[0].starts_with("The memory field has the character U+0000"), "{errors:?}");
        }
        let escaped = br#"{"other": "\\u0000", "memory": 1}"#;
        assert_eq!(parse::<Sample>(escaped).unwrap(), Sample { memory: 1 }, "six characters that only look so");
    }

    #[test]
    fn lists_in_queries_come_in_three_forms() {
        let pairs = "hypervisorId=1&hypervisorId[]=2&hypervisorId[0]=3&other=4";
        let query = Query(url::form_urlencoded::parse(pairs.as_bytes()).into_owned().collect());
        assert_eq!(query.numbers("hypervisorId").unwrap(), [1, 2, 3]);
    }
}
