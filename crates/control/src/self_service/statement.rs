//! A customer's month as CSV (RFC 4180): the balance before, what was paid, what was used, the balance after.

use berth_api::{
    time,
    tokens::{self, DECIMALS},
};
use berth_store::{
    entity::ledger_entry,
    self_service::ledger::{CREDIT, SERVER, Sum},
};

use super::hours::{self, Month};
use crate::clock::DAY;

/// What a statement is made of; amounts in micro-tokens.
pub struct Statement {
    pub month: Month,
    pub opening_micro: i64,
    /// The oldest first.
    pub credits: Vec<ledger_entry::Model>,
    /// By server.
    pub usage: Vec<Sum>,
    pub closing_micro: i64,
    /// Whether rows may still be added: the month is not over, or the meter not through it.
    pub is_provisional: bool,
}

/// What stands on a statement that is not final.
pub const PROVISIONAL: &str = "provisional";

const HEAD: [&str; 10] =
    ["type", "date", "server", "name", "item", "package", "quantity", "hours", "billable_hours", "monthly_price"];

pub fn csv(statement: &Statement) -> String {
    let Statement { month, opening_micro, credits, usage, closing_micro, is_provisional } = statement;
    let mut text = format!("{},tokens\r\n", HEAD.join(","));
    let amount = |micro: i64| tokens::text(micro, DECIMALS);
    line(&mut text, &["opening".to_owned(), hours::date(month.start()).to_string()], &amount(*opening_micro));
    for entry in credits {
        let of = entry.credit_id.map_or_else(String::new, |id| format!("credit {id}"));
        let what = if entry.kind == CREDIT { "credit" } else { "cancellation" };
        let cells = [what.to_owned(), time::offset(entry.at), String::new(), of];
        line(&mut text, &cells, &amount(entry.amount_micro));
    }
    for sum in usage {
        let cells = [
            "usage".to_owned(),
            month.short(),
            sum.server_id.to_string(),
            plain(&sum.name),
            if sum.item == SERVER { "server".to_owned() } else { plain(&sum.item) },
            sum.package_id.to_string(),
            sum.quantity.to_string(),
            sum.hours.to_string(),
            sum.billable_hours.to_string(),
            amount(sum.price_micro),
        ];
        line(&mut text, &cells, &amount(-sum.billable_micro));
    }
    let last = hours::date(month.end() - DAY).to_string();
    let status = if *is_provisional { PROVISIONAL.to_owned() } else { String::new() };
    line(&mut text, &["closing".to_owned(), last, String::new(), status], &amount(*closing_micro));
    text
}

/// Cells that are left out are empty.
fn line(text: &mut String, cells: &[String], amount: &str) {
    for n in 0..HEAD.len() {
        text.push_str(cells.get(n).map_or("", String::as_str));
        text.push(',');
    }
    text.push_str(amount);
    text.push_str("\r\n");
}

/// Customers choose names: one that a spreadsheet would take for a formula is text, and commas and quotes stay inside.
fn plain(name: &str) -> String {
    let is_formula = name.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let safe = if is_formula { format!("'{name}") } else { name.to_owned() };
    if safe.contains([',', '"', '\r', '\n']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cells_and_no_formulas() {
        for (name, cell) in [
            ("web", "web"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("-1,2", "\"'-1,2\""),
        ] {
            assert_eq!(plain(name), cell);
        }
    }

    #[test]
    fn a_month_without_anything_is_two_balances() {
        let month = Month::parse("2024-02").unwrap();
        let (credits, usage) = (Vec::new(), Vec::new());
        let mut statement =
            Statement { month, opening_micro: 5, credits, usage, closing_micro: 5, is_provisional: false };
        let text = csv(&statement);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1..], ["opening,2024-02-01,,,,,,,,,0.000005", "closing,2024-02-29,,,,,,,,,0.000005"]);
        assert!(lines.iter().all(|line| line.matches(',').count() == 10), "{text}");
        statement.is_provisional = true;
        assert_eq!(csv(&statement).lines().next_back(), Some("closing,2024-02-29,,provisional,,,,,,,0.000005"));
    }
}
