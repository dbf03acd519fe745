//! Hours and months as they are billed: both begin where UTC says, whatever a customer's own clock does.

use berth_store::Micros;
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime};

use crate::clock::HOUR;

/// The beginning of the hour that a time lies in.
pub fn hour_of(at: Micros) -> Micros {
    at.div_euclid(HOUR) * HOUR
}

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: NaiveDate,
}

impl Month {
    pub fn of(at: Micros) -> Self {
        let date = date(at);
        Self { first: date.with_day(1).unwrap_or(date) }
    }

    /// `2025-01`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_short = text.len() == 7;
        let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok();
        first.filter(|first| is_short && (1970..=9999).contains(&first.year())).map(|first| Self { first })
    }

    pub fn start(self) -> Micros {
        micros(self.first)
    }

    /// The beginning of the next one.
    pub fn end(self) -> Micros {
        self.later(1).start()
    }

    pub fn hours(self) -> i64 {
        (self.end() - self.start()) / HOUR
    }

    pub fn earlier(self, months: u32) -> Self {
        Self { first: self.first.checked_sub_months(Months::new(months)).unwrap_or(self.first) }
    }

    pub fn later(self, months: u32) -> Self {
        Self { first: self.first.checked_add_months(Months::new(months)).unwrap_or(self.first) }
    }

    /// How many months lie between this one and a later one; below zero for an earlier one.
    pub fn until(self, later: Self) -> i64 {
        let count = |month: Self| i64::from(month.first.year()) * 12 + i64::from(month.first.month0());
        count(later) - count(self)
    }

    /// `January 2025`.
    pub fn name(self) -> String {
        self.first.format("%B %Y").to_string()
    }

    /// `2025-01`.
    pub fn short(self) -> String {
        self.first.format("%Y-%m").to_string()
    }
}

pub fn date(at: Micros) -> NaiveDate {
    DateTime::from_timestamp_micros(at).unwrap_or_default().date_naive()
}

/// Midnight of a day.
pub fn micros(date: NaiveDate) -> Micros {
    date.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    #[test]
    fn months_have_the_hours_of_their_days() {
        for (time, hours, name) in [
            ("2024-02-29T23:59:59Z", 696, "February 2024"),
            ("2025-02-01T00:00:00Z", 672, "February 2025"),
            ("2024-03-31T01:30:00Z", 744, "March 2024"),
            ("2024-04-01T00:30:00+02:00", 744, "March 2024"),
        ] {
            let month = Month::of(at(time));
            assert_eq!((month.hours(), month.name().as_str()), (hours, name));
        }
        let month = Month::parse("2025-01").unwrap();
        assert_eq!((month.earlier(1).short().as_str(), month.later(1).short().as_str()), ("2024-12", "2025-02"));
        assert_eq!((month.until(month.later(13)), month.until(month.earlier(2))), (13, -2));
        for wrong in ["", "2025", "2025-13", "2025-1", "2025-01-01", "x025-01", "0000-00"] {
            assert_eq!(Month::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hours_begin_where_utc_says() {
        assert_eq!(hour_of(at("2024-03-31T01:59:59.999999Z")), at("2024-03-31T01:00:00Z"));
        assert_eq!(hour_of(at("2024-03-31T02:00:00Z")), at("2024-03-31T02:00:00Z"));
    }
}
