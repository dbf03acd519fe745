//! What hours cost. Pure, so that the ledger can be recomputed from what servers had and from prices.
//!
//! An hour that was started is paid. It costs the dearest of what the server had in it, at the price that held when the
//! hour began, or when that began within the hour. The k-th hour of a month costs the difference of
//! `floor(k * price / hours)` to that of the hour before: no fraction is lost, and `hours` of them cost the monthly price
//! to the micro-token. What comes after them in the month is free.

use berth_store::{
    Micros,
    entity::{metered_server::Model as Metered, metered_span::Model as Span, rate::Model as Rate},
    self_service::{
        ledger::{SERVER, Usage},
        rate,
    },
};

use super::hours::Month;
use crate::clock::HOUR;

/// Hours of a month where nobody said otherwise.
pub const MONTH_HOURS: i64 = 730;

/// Add-ons, each with what one of it is.
pub const ADDONS: [(&str, &str); 4] = [
    ("ipv4", "an IPv4 address beyond the first"),
    ("storage", "a GiB of disks beyond the package's"),
    ("memory", "a begun GiB of memory beyond the package's"),
    ("cpu", "a core beyond the package's"),
];

/// Prices that ever held, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Rates(Vec<Rate>);

impl Rates {
    pub fn new(rows: Vec<Rate>) -> Self {
        Self(rows)
    }

    pub fn at(&self, subject: &str, at: Micros) -> Option<i64> {
        let held = self.0.iter().rev().find(|row| row.subject == subject && row.valid_from <= at);
        held.map(|row| row.value)
    }

    /// Hours that the month of an hour is billed as.
    pub fn month_hours(&self, hour_at: Micros) -> i64 {
        match self.at(rate::MONTH_HOURS, hour_at).unwrap_or(MONTH_HOURS) {
            0 => Month::of(hour_at).hours(),
            hours => hours,
        }
    }
}

/// Whose price it is.
pub fn subject(item: &str, package_id: i64) -> String {
    if item == SERVER { rate::package(package_id) } else { rate::addon(item) }
}

/// All prices that could be asked for.
pub fn subjects(spans: &[Span]) -> Vec<String> {
    let mut subjects: Vec<_> = spans.iter().map(|span| subject(&span.item, span.package_id)).collect();
    subjects.push(rate::MONTH_HOURS.to_owned());
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

/// What the hour is worth, and whether it is charged.
pub fn charge(hour_of_month: i64, price_micro: i64, month_hours: i64) -> (i64, bool) {
    let (price, hours) = (i128::from(price_micro), i128::from(month_hours.max(1)));
    let up_to = |hour: i64| i128::from(hour) * price / hours;
    let within = hour_of_month <= month_hours;
    let worth = if within { up_to(hour_of_month) - up_to(hour_of_month - 1) } else { price / hours };
    (i64::try_from(worth).unwrap_or(i64::MAX), within)
}

/// Hours of each item that are booked already since the beginning of a month.
pub struct Booked {
    pub month: Month,
    pub hours: Vec<(String, i64)>,
}

impl Booked {
    /// The next hour's number; a new month counts from 1.
    fn next(&mut self, item: &str, hour_at: Micros) -> i64 {
        let month = Month::of(hour_at);
        if month != self.month {
            *self = Self { month, hours: Vec::new() };
        }
        match self.hours.iter_mut().find(|(known, _)| known == item) {
            Some((_, hours)) => {
                *hours += 1;
                *hours
            }
            None => {
                self.hours.push((item.to_owned(), 1));
                1
            }
        }
    }
}

/// The hours of a server from one until another, in order.
pub fn hours(
    server: &Metered,
    spans: &[Span],
    rates: &Rates,
    booked: &mut Booked,
    (from, until): (Micros, Micros),
) -> Vec<Usage> {
    let mut items: Vec<&str> = spans.iter().map(|span| span.item.as_str()).collect();
    items.sort_unstable();
    items.dedup();
    let mut found = Vec::new();
    let mut hour_at = from;
    while hour_at < until {
        for item in &items {
            let Some((span, price_micro)) = dearest(spans, rates, item, hour_at) else { continue };
            if *item != SERVER && price_micro == 0 {
                continue;
            }
            let hour_of_month = booked.next(item, hour_at);
            let (rated_micro, is_charged) = charge(hour_of_month, price_micro, rates.month_hours(hour_at));
            found.push(Usage {
                user_id: span.user_id,
                server_id: server.server_id,
                item: (*item).to_owned(),
                hour_at,
                package_id: span.package_id,
                quantity: span.quantity,
                price_micro,
                hour_of_month,
                rated_micro,
                // A resource pack is paid in the shop.
                billable: is_charged && server.self_service == 1,
            });
        }
        hour_at += HOUR;
    }
    found
}

/// Of what it had of an item within an hour; of two that cost the same, the first.
fn dearest<'a>(spans: &'a [Span], rates: &Rates, item: &str, hour_at: Micros) -> Option<(&'a Span, i64)> {
    let mut best: Option<(&Span, i64)> = None;
    for span in spans.iter().filter(|span| span.item == item) {
        let (from, until) = (span.from_at.max(hour_at), span.until_at.unwrap_or(Micros::MAX).min(hour_at + HOUR));
        if from >= until {
            continue;
        }
        let one = rates.at(&subject(item, span.package_id), from).unwrap_or(0);
        let price = one.saturating_mul(span.quantity);
        if best.is_none_or(|(_, dearest)| price > dearest) {
            best = Some((span, price));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Micros = 1_706_742_000_000_000; // 2024-01-31T23:00:00Z

    fn server() -> Metered {
        Metered {
            server_id: 7,
            server_uuid: uuid::Uuid::nil(),
            name: String::new(),
            self_service: 1,
            profile_id: None,
            pack_id: None,
            included_memory_mib: 0,
            included_storage_gib: 0,
            included_cpu: 0,
            next_hour_at: Some(START),
            ended_at: None,
            created_at: START,
        }
    }

    fn span(item: &str, package_id: i64, from: Micros, until: Option<Micros>) -> Span {
        let (from_at, until_at) = (START + from, until.map(|until| START + until));
        Span { id: 1, server_id: 7, item: item.to_owned(), user_id: 3, package_id, quantity: 1, from_at, until_at }
    }

    fn rates(rows: &[(&str, i64, Micros)]) -> Rates {
        let row = |(subject, value, from): &(&str, i64, Micros)| Rate {
            id: 0,
            subject: (*subject).to_owned(),
            value: *value,
            valid_from: START + from,
        };
        Rates::new(rows.iter().map(row).collect())
    }

    fn all(spans: &[Span], rates: &Rates, hours: i64) -> Vec<Usage> {
        let mut booked = Booked { month: Month::of(START), hours: Vec::new() };
        super::hours(&server(), spans, rates, &mut booked, (START, START + hours * HOUR))
    }

    #[test]
    fn a_month_costs_its_price_to_the_micro_token_and_no_more() {
        for (price, month) in [(5_000_000, 730), (1, 730), (999_999_999_999, 744), (0, 730), (7, 672)] {
            let hours = (1..=744).map(|hour| charge(hour, price, month));
            let sum: i64 = hours.filter(|(_, charged)| *charged).map(|(worth, _)| worth).sum();
            assert_eq!(sum, price, "{price} {month}");
        }
        assert_eq!(charge(731, 730, 730), (1, false));
    }

    #[test]
    fn every_started_hour_is_one_row_and_months_count_anew() {
        let prices = rates(&[("package:1", 730, -5)]);
        let used = all(&[span("server", 1, HOUR - 1, Some(2 * HOUR + 1))], &prices, 9);
        let told: Vec<_> = used.iter().map(|hour| ((hour.hour_at - START) / HOUR, hour.hour_of_month)).collect();
        assert_eq!(told, [(0, 1), (1, 1), (2, 2)], "January's last hour, then February's first two");
        let exact = all(&[span("server", 1, 0, Some(2 * HOUR))], &prices, 9);
        assert_eq!(exact.len(), 2, "an hour that it did not reach is not paid");
        assert!(all(&[span("server", 1, 5, Some(5))], &prices, 9).is_empty(), "what never was is nothing");
    }

    #[test]
    fn an_hour_costs_the_dearest_of_what_it_had() {
        let prices = rates(&[("package:1", 730, -5), ("package:2", 1460, -5)]);
        let spans = [
            span("server", 1, 0, Some(HOUR + 5)),
            span("server", 2, HOUR + 5, Some(HOUR + 6)),
            span("server", 1, HOUR + 6, None),
        ];
        let packages: Vec<_> = all(&spans, &prices, 3).iter().map(|hour| hour.package_id).collect();
        assert_eq!(packages, [1, 2, 1]);
    }

    #[test]
    fn a_price_holds_from_the_next_hour_and_a_first_price_at_once() {
        let prices = rates(&[("package:1", 730, 5), ("package:1", 7_300, HOUR + 1), ("month_hours", 0, 3 * HOUR)]);
        let used = all(&[span("server", 1, 6, None)], &prices, 4);
        let cost: Vec<_> = used.iter().map(|hour| hour.price_micro).collect();
        assert_eq!(cost, [730, 730, 7_300, 7_300]);
        assert_eq!(used[3].rated_micro, 3 * 7_300 / 696 - 2 * 7_300 / 696, "hours that February has");
    }

    #[test]
    fn add_ons_without_a_price_are_nothing() {
        let prices = rates(&[("addon:ipv4", 100, -5)]);
        let used = all(&[span("ipv4", 1, 0, None), span("storage", 1, 0, None)], &prices, 1);
        assert_eq!(used.iter().map(|hour| hour.item.as_str()).collect::<Vec<_>>(), ["ipv4"]);
    }
}
