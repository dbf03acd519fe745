//! Input as clients of the Global API really send it: numbers as text, booleans as 0 and 1.
//!
//! For `#[serde(deserialize_with = "...")]`. The optional forms take `null`, an empty text and an empty list as
//! absent.

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected},
};
use serde_json::Value;

fn number<E: Error>(value: &Value) -> Result<i64, E> {
    let parsed = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| wrong(value, "a whole number"))
}

/// 2.0 is 2 to a client without integers.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// A number as people write it, without an exponent.
pub(crate) fn digits(number: &serde_json::Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(number) => number.to_string(),
        None => number.to_string(),
    }
}

fn flag<E: Error>(value: &Value) -> Result<bool, E> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) if number.as_i64() == Some(0) => Ok(false),
        Value::Number(number) if number.as_i64() == Some(1) => Ok(true),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(wrong(value, "true or false")),
        },
        _ => Err(wrong(value, "true or false")),
    }
}

fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn wrong<E: Error>(value: &Value, wanted: &str) -> E {
    let got = match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(flag) => Unexpected::Bool(*flag),
        Value::Number(_) => Unexpected::Other("a number"),
        Value::String(_) => Unexpected::Other("a text"),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    E::invalid_type(got, &wanted)
}

pub fn i64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    number(&Value::deserialize(deserializer)?)
}

pub fn i32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    small(i64(deserializer)?)
}

pub fn option_i32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    option_i64(deserializer)?.map(small).transpose()
}

fn small<E: Error>(number: i64) -> Result<i32, E> {
    number.try_into().map_err(|_| E::custom("expected a whole number from -2147483648 to 2147483647"))
}

pub fn option_i64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if is_absent(&value) { Ok(None) } else { number(&value).map(Some) }
}

pub fn option_f64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if is_absent(&value) {
        return Ok(None);
    }
    let parsed = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    parsed.map(Some).ok_or_else(|| wrong(&value, "a number"))
}

pub fn bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    flag(&Value::deserialize(deserializer)?)
}

pub fn option_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if is_absent(&value) { Ok(None) } else { flag(&value).map(Some) }
}

/// Texts; a number is taken as its digits, since some clients send names and references that way.
pub fn option_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(digits(&number))),
        value => Err(wrong(&value, "a text")),
    }
}

/// A list of texts; one text stands for a list of one, null for none.
pub fn list_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text]),
        value => serde_json::from_value(value).map_err(|_| D::Error::custom("expected a list of texts")),
    }
}

/// A text that can be taken away: left out it stays (`None`), null and an empty text take it away (`Some(None)`).
pub fn nullable_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    option_text(deserializer).map(|text| Some(text.filter(|text| !text.trim().is_empty())))
}

/// As [`nullable_text`], of a number.
pub fn nullable_i64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    option_i64(deserializer).map(Some)
}

/// A list of numbers; one number stands for a list of one.
pub fn list_i64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(number).collect(),
        value if is_absent(&value) => Ok(Vec::new()),
        value => number(&value).map(|one| vec![one]),
    }
}

/// As [`list_i64`], telling an absent list from an empty one.
pub fn option_list_i64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<i64>>, D::Error> {
    list_i64(deserializer).map(Some)
}

/// A list of numbers whose ids nobody can check yet: one number alone is no list, since it may be anything.
pub fn option_array_i64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<i64>>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Array(items) => items.iter().map(number).collect::<Result<_, _>>().map(Some),
        value => Err(wrong(&value, "a list of whole numbers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "option_i64")]
        number: Option<i64>,
        #[serde(deserialize_with = "option_bool")]
        flag: Option<bool>,
        #[serde(deserialize_with = "list_i64")]
        list: Vec<i64>,
    }

    fn read(json: &str) -> Result<Sample, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn numbers_come_as_numbers_and_as_text() {
        for (json, wanted) in [("3", 3), ("\"3\"", 3), ("3.0", 3), ("\" 12 \"", 12), ("-1", -1)] {
            assert_eq!(read(&format!("{{\"number\": {json}}}")).unwrap().number, Some(wanted), "{json}");
        }
        for json in ["3.5", "\"x\"", "true", "{}", "[1]", "1e400"] {
            assert!(read(&format!("{{\"number\": {json}}}")).is_err(), "{json}");
        }
        assert_eq!(read("{\"number\": null}").unwrap().number, None);
    }

    #[test]
    fn booleans_come_in_eight_forms() {
        for (json, wanted) in
            [("true", true), ("false", false), ("1", true), ("0", false), ("\"1\"", true), ("\"FALSE\"", false)]
        {
            assert_eq!(read(&format!("{{\"flag\": {json}}}")).unwrap().flag, Some(wanted), "{json}");
        }
        for json in ["2", "\"maybe\"", "{}"] {
            assert!(read(&format!("{{\"flag\": {json}}}")).is_err(), "{json}");
        }
    }

    #[test]
    fn what_can_be_taken_away_is_told_from_what_is_left_out() {
        #[derive(Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct Change {
            #[serde(deserialize_with = "nullable_text")]
            text: Option<Option<String>>,
            #[serde(deserialize_with = "nullable_i64")]
            number: Option<Option<i64>>,
        }
        let read = |json: &str| serde_json::from_str::<Change>(json).map(|change| (change.text, change.number));
        assert_eq!(read("{}").unwrap(), (None, None));
        assert_eq!(read("{\"text\": null, \"number\": null}").unwrap(), (Some(None), Some(None)));
        assert_eq!(read("{\"text\": \" \", \"number\": \"3\"}").unwrap(), (Some(None), Some(Some(3))));
        assert!(read("{\"text\": []}").is_err());
    }

    #[test]
    fn where_ids_are_not_checked_one_number_is_no_list() {
        #[derive(Deserialize)]
        struct Asked {
            #[serde(default, deserialize_with = "option_array_i64")]
            list: Option<Vec<i64>>,
        }
        let read = |json: &str| serde_json::from_str::<Asked>(json).map(|asked| asked.list);
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read("{\"list\": null}").unwrap(), None);
        assert_eq!(read("{\"list\": [1, \"-1\"]}").unwrap(), Some(vec![1, -1]));
        for wrong in ["7", "\"7\"", "\"\"", "[[1]]", "{}"] {
            assert!(read(&format!("{{\"list\": {wrong}}}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_number_is_a_list_of_one() {
        assert_eq!(read("{\"list\": [1, \"2\"]}").unwrap().list, [1, 2]);
        assert_eq!(read("{\"list\": 7}").unwrap().list, [7]);
        assert!(read("{\"list\": [null]}").is_err());
    }
}
