//! What the command line prints: tables for people, the API's own JSON for programs.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// A column of a table and where its value stands in the row: keys separated by dots, numbers index lists.
pub struct Column {
    pub title: &'static str,
    pub path: &'static str,
}

pub const fn column(title: &'static str, path: &'static str) -> Column {
    Column { title, path }
}

/// How to print, as the `--json` flag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Table,
    Json,
}

impl Format {
    pub fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Table }
    }

    /// A list, one row each.
    pub fn rows(self, columns: &[Column], rows: &[Value]) -> String {
        if self == Self::Json {
            return pretty(&Value::Array(rows.to_vec()));
        }
        if rows.is_empty() {
            return "Nothing there.\n".to_owned();
        }
        let mut table = bare_table();
        table.set_header(columns.iter().map(|c| c.title));
        for row in rows {
            table.add_row(columns.iter().map(|c| text(at(row, c.path))));
        }
        trimmed(&table)
    }

    /// One thing, one line for each field; fields without a value are left out.
    pub fn fields(self, columns: &[Column], thing: &Value) -> String {
        if self == Self::Json {
            return pretty(thing);
        }
        let mut table = bare_table();
        for column in columns {
            let value = text(at(thing, column.path));
            if !value.is_empty() {
                table.add_row([column.title, value.as_str()]);
            }
        }
        trimmed(&table)
    }

    /// A sentence for people, the value for programs.
    pub fn done(self, sentence: &str, value: &Value) -> String {
        match self {
            Self::Json => pretty(value),
            Self::Table => format!("{sentence}\n"),
        }
    }
}

fn bare_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn trimmed(table: &Table) -> String {
    // The first column's padding.
    let line = |line: &str| format!("{}\n", line.strip_prefix(' ').unwrap_or(line).trim_end());
    table.to_string().lines().map(line).collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// `Null` where the path leads nowhere.
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| match key.parse::<usize>() {
        Ok(index) => &value[index],
        Err(_) => &value[key],
    })
}

/// Control characters of names that customers chose must not reach the terminal.
fn text(value: &Value) -> String {
    let plain = match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    plain.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: [Column; 4] =
        [column("ID", "id"), column("NAME", "name"), column("IPV4", "net.0.ip"), column("ON", "on")];

    fn rows() -> Vec<Value> {
        vec![
            json!({"id": 1, "name": "web", "net": [{"ip": "10.0.0.2"}], "on": true}),
            json!({"id": 12, "name": "a longer\u{1b}[31m name", "net": [], "on": false}),
        ]
    }

    #[test]
    fn a_list_is_a_table_for_people_without_control_characters() {
        insta::assert_snapshot!(Format::Table.rows(&COLUMNS, &rows()), @r"
        ID  NAME                IPV4      ON
        1   web                 10.0.0.2  yes
        12  a longer [31m name            no
        ");
    }

    #[test]
    fn json_output_is_what_the_server_said() {
        let printed = Format::Json.rows(&COLUMNS, &rows());
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), Value::Array(rows()));
    }

    #[test]
    fn one_thing_is_shown_line_by_line_without_its_empty_fields() {
        insta::assert_snapshot!(Format::Table.fields(&COLUMNS, &rows()[1]), @r"
        ID    12
        NAME  a longer [31m name
        ON    no
        ");
    }
}
