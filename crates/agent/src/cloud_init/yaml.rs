//! Writes YAML that every reader takes the same way: strings always in double quotes, with every character that could
//! end a line, hide or mean something escaped.
//!
//! A general serializer chooses a style by the content (plain, folded, literal), and the readers of seeds differ in
//! what they make of the choices: PyYAML in cloud-init reads YAML 1.1, where `no` is a boolean and `1:20` a number,
//! and small guests read seeds with a few lines of shell.

use std::fmt::Write;

use serde_json::Value;

/// The value as a YAML document in block style, two spaces an indent, a line end last.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(&mut out, map, 0),
        Value::Array(items) if !items.is_empty() => sequence(&mut out, items, 0),
        scalar => {
            out.push_str(&inline(scalar));
            out.push('\n');
        }
    }
    out
}

fn mapping(out: &mut String, map: &serde_json::Map<String, Value>, indent: usize) {
    // Sorted here: whether the map itself is sorted depends on a feature that any crate of the build can turn on.
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in entries {
        pad(out, indent);
        out.push_str(&key_text(key));
        out.push(':');
        after_key(out, value, indent);
    }
}

fn after_key(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            mapping(out, map, indent + 2);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            sequence(out, items, indent + 2);
        }
        scalar => {
            out.push(' ');
            out.push_str(&inline(scalar));
            out.push('\n');
        }
    }
}

fn sequence(out: &mut String, items: &[Value], indent: usize) {
    for item in items {
        pad(out, indent);
        out.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                // The first key stands behind the dash, the others below it.
                let mut block = String::new();
                mapping(&mut block, map, indent + 2);
                out.push(' ');
                out.push_str(&block[indent + 2..]);
            }
            Value::Array(items) if !items.is_empty() => {
                let mut block = String::new();
                sequence(&mut block, items, indent + 2);
                out.push(' ');
                out.push_str(&block[indent + 2..]);
            }
            scalar => {
                out.push(' ');
                out.push_str(&inline(scalar));
                out.push('\n');
            }
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn inline(scalar: &Value) -> String {
    match scalar {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) => "[]".into(),
        Value::Object(_) => "{}".into(),
    }
}

/// Words that YAML 1.1 reads as something else than text.
const NOT_TEXT: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

fn key_text(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
        && !NOT_TEXT.contains(&key);
    if plain { key.into() } else { quoted(key) }
}

/// A double-quoted scalar (YAML 1.2, 7.3.1). What a reader of YAML 1.1 takes for a line end, or refuses as not
/// printable, is escaped; other text stays readable.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        let written = match c {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            ' '..='~' => out.write_char(c),
            '\u{00}'..='\u{A0}' => write!(out, "\\x{:02x}", u32::from(c)),
            '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => write!(out, "\\u{:04x}", u32::from(c)),
            '\u{10000}'.. => write!(out, "\\U{:08x}", u32::from(c)),
            _ => out.write_char(c),
        };
        debug_assert!(written.is_ok(), "writing to a string does not fail");
    }
    out.push('"');
    out
}
