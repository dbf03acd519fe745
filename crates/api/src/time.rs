//! The three ways in which the Global API writes times. All are UTC, made from microseconds since 1970.

use chrono::{DateTime, Utc};

fn utc(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// `2024-04-11T17:22:19+00:00`
pub fn offset(micros: i64) -> String {
    utc(micros).format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `2024-03-12T22:41:31.000000Z`
pub fn zulu(micros: i64) -> String {
    utc(micros).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// `2025-02-20 00:00:00`
pub fn plain(micros: i64) -> String {
    utc(micros).format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms() {
        let at = 1_712_856_139_250_001;
        assert_eq!(offset(at), "2024-04-11T17:22:19+00:00");
        assert_eq!(zulu(at), "2024-04-11T17:22:19.250001Z");
        assert_eq!(plain(at), "2024-04-11 17:22:19");
    }
}
