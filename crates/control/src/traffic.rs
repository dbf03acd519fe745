//! Traffic periods: from the day of the month on which a server was created to the day before the next, in UTC.
//!
//! In a month that lacks the day, the period starts on the month's last day, and the next on the day again.

use berth_store::Micros;
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime};

/// Microseconds since 1970; the end is the last microsecond of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub start: Micros,
    pub end: Micros,
}

/// The period that `now` lies in.
pub fn current_period(created: Micros, now: Micros) -> Period {
    period(created, month(created, now))
}

/// The number of the period that `now` lies in: 1 is the first.
pub fn month(created: Micros, now: Micros) -> u32 {
    let (first, today) = (date(created), date(now.max(created)));
    let months = (today.year() - first.year()) * 12 + month_of(today) - month_of(first);
    let mut months = u32::try_from(months).unwrap_or(0);
    if months > 0 && start_of(first, months) > today {
        months -= 1;
    }
    months + 1
}

/// The period of a number, from 1.
pub fn period(created: Micros, month: u32) -> Period {
    let (first, months) = (date(created), month.saturating_sub(1));
    Period { start: micros(start_of(first, months)), end: micros(start_of(first, months + 1)) - 1 }
}

/// `first` itself, or the same day `months` later; chrono shortens it to the month's last day.
fn start_of(first: NaiveDate, months: u32) -> NaiveDate {
    first.checked_add_months(Months::new(months)).unwrap_or(first)
}

fn month_of(date: NaiveDate) -> i32 {
    i32::try_from(date.month()).unwrap_or(1)
}

fn date(at: Micros) -> NaiveDate {
    DateTime::from_timestamp_micros(at).unwrap_or_default().date_naive()
}

fn micros(date: NaiveDate) -> Micros {
    NaiveDateTime::new(date, NaiveTime::MIN).and_utc().timestamp_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    fn period(created: &str, now: &str) -> (String, String) {
        let period = current_period(at(created), at(now));
        (berth_api::time::zulu(period.start), berth_api::time::zulu(period.end))
    }

    #[test]
    fn a_period_runs_from_the_creation_day_to_the_day_before() {
        let (start, end) = period("2024-12-06T21:25:58Z", "2025-01-20T13:00:00Z");
        assert_eq!((start.as_str(), end.as_str()), ("2025-01-06T00:00:00.000000Z", "2025-02-05T23:59:59.999999Z"));
        let (start, _) = period("2024-12-06T21:25:58Z", "2025-01-05T23:59:59Z");
        assert_eq!(start, "2024-12-06T00:00:00.000000Z");
    }

    #[test]
    fn a_short_month_starts_on_its_last_day_and_the_next_on_the_day_again() {
        let created = "2025-01-31T10:00:00Z";
        let starts = ["2025-02-27", "2025-02-28", "2025-03-30", "2025-03-31", "2025-04-30", "2025-05-30", "2025-05-31"]
            .map(|day| period(created, &format!("{day}T12:00:00Z")).0[..10].to_owned());
        let wanted = ["2025-01-31", "2025-02-28", "2025-02-28", "2025-03-31", "2025-04-30", "2025-04-30", "2025-05-31"];
        assert_eq!(starts, wanted);
        assert_eq!(&period("2024-02-29T00:00:00Z", "2025-02-28T00:00:00Z").0[..10], "2025-02-28");
    }

    #[test]
    fn every_moment_lies_in_its_period_and_periods_follow_each_other() {
        for day in 28..=31 {
            let created = at(&format!("2024-01-{day}T23:59:59Z"));
            let mut end = None;
            for later in 0..800_i64 {
                let now = created + later * crate::clock::DAY;
                let period = current_period(created, now);
                assert_eq!(super::period(created, month(created, now)), period);
                assert!(period.start <= now && now <= period.end);
                if let Some(end) = end {
                    assert!(period.end == end || period.start == end + 1);
                }
                end = Some(period.end);
            }
        }
    }
}
