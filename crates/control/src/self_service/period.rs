//! Times that usage is asked for: from a day on, for a day, some weeks or a month.

use berth_store::Micros;
use chrono::{Datelike, Days, Months, NaiveDate};

use super::hours::{self, Month};
use crate::{Error, clock::SECOND};

/// Periods in one answer.
const MOST: usize = 24;

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    Day,
    Weeks(u32),
    Month,
}

/// From a midnight in UTC until another, which is no longer part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub first: NaiveDate,
    pub range: Range,
}

impl Range {
    /// `d`, `w`, `2w`, `3w` or `m`; a month where nothing is said.
    pub fn parse(text: Option<&str>) -> Result<Self, Error> {
        match text {
            None | Some("m") => Ok(Range::Month),
            Some("d") => Ok(Range::Day),
            Some("w") => Ok(Range::Weeks(1)),
            Some("2w") => Ok(Range::Weeks(2)),
            Some("3w") => Ok(Range::Weeks(3)),
            Some(_) => Err(Error::invalid("The range must be d, w, 2w, 3w or m.")),
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Range::Day => "day",
            Range::Weeks(1) => "week",
            Range::Weeks(2) => "2 weeks",
            Range::Weeks(_) => "3 weeks",
            Range::Month => "month",
        }
    }
}

impl Period {
    /// Of each day that is named; of this month where none is.
    pub fn all<'a>(days: impl Iterator<Item = &'a str>, range: Range, now: Micros) -> Result<Vec<Self>, Error> {
        let mut periods = Vec::new();
        for text in days.filter(|text| !text.is_empty()) {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
            let day = day.filter(|day| (1970..=9998).contains(&day.year()) && text.len() == 10);
            let first = day.ok_or_else(|| Error::invalid("The period must be days such as 2025-01-31."))?;
            periods.push(Self { first, range });
        }
        if periods.len() > MOST {
            return Err(Error::invalid(format!("The period must be at most {MOST} days.")));
        }
        if periods.is_empty() {
            periods.push(Self { first: hours::date(Month::of(now).start()), range });
        }
        Ok(periods)
    }

    pub fn start(self) -> Micros {
        hours::micros(self.first)
    }

    /// The beginning of the next one.
    pub fn until(self) -> Micros {
        hours::micros(self.next().first)
    }

    /// The last second of it.
    pub fn end(self) -> Micros {
        self.until() - SECOND
    }

    pub fn next(self) -> Self {
        let first = match self.range {
            Range::Day => self.first.checked_add_days(Days::new(1)),
            Range::Weeks(weeks) => self.first.checked_add_days(Days::new(u64::from(weeks) * 7)),
            Range::Month => self.first.checked_add_months(Months::new(1)),
        };
        Self { first: first.unwrap_or(self.first), ..self }
    }

    pub fn previous(self) -> Self {
        let first = match self.range {
            Range::Day => self.first.checked_sub_days(Days::new(1)),
            Range::Weeks(weeks) => self.first.checked_sub_days(Days::new(u64::from(weeks) * 7)),
            Range::Month => self.first.checked_sub_months(Months::new(1)),
        };
        Self { first: first.unwrap_or(self.first), ..self }
    }

    pub fn holds(self, at: Micros) -> bool {
        (self.start()..self.until()).contains(&at)
    }

    /// `January 2025`, or its days where it is no month of the calendar.
    pub fn name(self) -> String {
        match self.range {
            Range::Month if self.first.day() == 1 => Month::of(self.start()).name(),
            Range::Day => self.first.to_string(),
            _ => format!("{} to {}", self.first, hours::date(self.end())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;

    fn periods(days: &[&str], range: &str) -> Vec<Period> {
        Period::all(days.iter().copied(), Range::parse(Some(range)).unwrap(), 1_737_381_647_000_000).unwrap()
    }

    #[test]
    fn periods_have_the_days_of_their_range() {
        for (day, range, days, name) in [
            ("2025-01-01", "m", 31, "January 2025"),
            ("2024-02-01", "m", 29, "February 2024"),
            ("2025-01-31", "m", 28, "2025-01-31 to 2025-02-27"),
            ("2025-01-06", "w", 7, "2025-01-06 to 2025-01-12"),
            ("2025-01-06", "2w", 14, "2025-01-06 to 2025-01-19"),
            ("2025-03-30", "3w", 21, "2025-03-30 to 2025-04-19"),
            ("2025-03-30", "d", 1, "2025-03-30"),
        ] {
            let period = periods(&[day], range)[0];
            assert_eq!(((period.until() - period.start()) / HOUR, period.name().as_str()), (days * 24, name));
        }
        assert_eq!(periods(&[], "m")[0].name(), "January 2025");
        assert_eq!(periods(&[], "m")[0].previous().name(), "December 2024");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for wrong in ["2025-02-30", "2025-1-1", "yesterday", "2025", "20250101", "99999-01-01", "2025-01-01x"] {
            assert!(Period::all([wrong].into_iter(), Range::Month, 0).is_err(), "{wrong}");
        }
        for wrong in ["", "M", "4w", "y", "0"] {
            assert!(Range::parse(Some(wrong)).is_err(), "{wrong}");
        }
        assert!(Period::all(std::iter::repeat_n("2025-01-01", 25), Range::Day, 0).is_err());
    }
}
