//! Amounts of tokens: integers of millionths inside, numbers outside. Nothing here rounds what a caller sends.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use crate::lenient;

/// Decimals of a token.
pub const DECIMALS: u32 = 6;
pub const MICRO: i64 = 1_000_000;

/// Millionths of a token. In JSON a number of tokens, or one as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tokens(pub i64);

impl Serialize for Tokens {
    #[expect(clippy::cast_precision_loss, reason = "sums stay far below 2^53 millionths")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % MICRO == 0 {
            serializer.serialize_i64(self.0 / MICRO)
        } else {
            serializer.serialize_f64(self.0 as f64 / MICRO as f64)
        }
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::Number(number) => lenient::digits(&number),
            Value::String(text) => text,
            _ => return Err(D::Error::custom("expected a number")),
        };
        let micro = parse(&text, DECIMALS);
        micro.map(Tokens).ok_or_else(|| D::Error::custom("expected a number with at most 6 decimals"))
    }
}

impl PartialSchema for Tokens {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Number);
        number.description(Some("Tokens, with at most six decimals.")).build().into()
    }
}

impl ToSchema for Tokens {}

/// A decimal number as an integer of its last decimal; `None` where it is none, has more decimals, or is too large.
pub fn parse(text: &str, decimals: u32) -> Option<i64> {
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let has_point_alone = digits.ends_with('.');
    if whole.is_empty() || has_point_alone || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let missing = usize::try_from(decimals).ok()?.checked_sub(fraction.len())?;
    let value: i64 = format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()?;
    Some(if is_negative { -value } else { value })
}

/// With all its decimals: `1.500000`.
pub fn text(value: i64, decimals: u32) -> String {
    let unit = 10_u64.pow(decimals);
    let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let width = usize::try_from(decimals).unwrap_or(0);
    format!("{sign}{}.{:0width$}", value / unit, value % unit)
}

/// Rounded to hundredths, halves away from zero.
pub fn rounded(micro: i64) -> Tokens {
    let cent = MICRO / 100;
    let half = if micro < 0 { -cent / 2 } else { cent / 2 };
    Tokens((micro.saturating_add(half)) / cent * cent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        for (text, wanted) in [
            ("100", 100_000_000),
            ("1.5", 1_500_000),
            ("-0.000001", -1),
            (" 2.0 ", 2_000_000),
            ("0.1000000", 100_000),
            ("9223372036854.775807", i64::MAX),
        ] {
            assert_eq!(parse(text, DECIMALS), Some(wanted), "{text}");
        }
        for wrong in ["", "-", ".", ".5", "1.", "1e3", "0.0000001", "1,5", "+1", "NaN", "1 0", "9223372036854.775808"] {
            assert_eq!(parse(wrong, DECIMALS), None, "{wrong}");
        }
    }

    #[test]
    fn whole_tokens_are_written_without_decimals() {
        let json = |micro| serde_json::to_string(&Tokens(micro)).unwrap();
        assert_eq!([json(0), json(-2_000_000), json(1_500_000), json(1)], ["0", "-2", "1.5", "1e-6"]);
        let read = |json: &str| serde_json::from_str::<Tokens>(json).map(|tokens| tokens.0).ok();
        assert_eq!(
            [read("1.5"), read("\"1.5\""), read("7"), read("1.0000001"), read("true"), read("0.000001")],
            [Some(1_500_000), Some(1_500_000), Some(7_000_000), None, None, Some(1)]
        );
        assert_eq!([text(1_500_000, 6), text(-1, 6), text(100_000_000, 10)], ["1.500000", "-0.000001", "0.0100000000"]);
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let values = [4_999, 5_000, -5_000, -4_999, 1_234_567].map(|micro| rounded(micro).0);
        assert_eq!(values, [0, 10_000, -10_000, 0, 1_230_000]);
    }
}
