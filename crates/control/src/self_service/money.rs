//! Tokens in a currency.

use berth_api::tokens;
use berth_store::entity::currency;

/// Decimals of what a token is worth.
pub const VALUE_DECIMALS: u32 = 10;
/// 10^-16 of a currency (micro-tokens times values) in a hundredth of it.
const HUNDREDTH: i128 = 100_000_000_000_000;

/// Two decimals, halves rounded away from zero: `12.35`.
pub fn amount(micro: i64, value: i64) -> String {
    rounded(micro, value, HUNDREDTH, 2)
}

/// Four decimals, for what an hour costs: `0.0068`.
pub fn fine(micro: i64, value: i64) -> String {
    rounded(micro, value, HUNDREDTH / 100, 4)
}

fn rounded(micro: i64, value: i64, unit: i128, decimals: u32) -> String {
    let exact = i128::from(micro) * i128::from(value);
    let half = if exact < 0 { -unit / 2 } else { unit / 2 };
    let units = i64::try_from((exact + half) / unit).unwrap_or(i64::MAX);
    tokens::text(units, decimals)
}

/// The tax in or on an amount, in hundredths of a percent; micro-tokens.
pub fn tax(micro: i64, tax_bp: i64, is_included: bool) -> i64 {
    let (micro, rate) = (i128::from(micro), i128::from(tax_bp));
    let base = if is_included { 10_000 + rate } else { 10_000 };
    i64::try_from(micro * rate / base).unwrap_or(i64::MAX)
}

/// What is chosen: named, else the customer's, else the default.
pub fn choose<'a>(all: &'a [currency::Model], named: Option<&str>, theirs: Option<i64>) -> Option<&'a currency::Model> {
    if let Some(code) = named {
        return all.iter().find(|row| row.enabled && row.code.eq_ignore_ascii_case(code));
    }
    let own = all.iter().find(|row| row.enabled && Some(row.id) == theirs);
    own.or_else(|| all.iter().find(|row| row.is_default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_hundredths_of_a_currency() {
        let cent = 100_000_000; // 0.01
        assert_eq!(amount(100_000_000, cent), "1.00");
        assert_eq!(amount(499_999, cent), "0.00");
        assert_eq!(amount(500_000, cent), "0.01");
        assert_eq!(amount(-500_000, cent), "-0.01");
        assert_eq!((fine(684_932, cent), fine(-50, cent)), ("0.0068".to_owned(), "0.0000".to_owned()));
        assert_eq!(amount(i64::MAX, 10_000_000_000), "9223372036854.78");
    }

    #[test]
    fn taxes_are_in_the_price_or_on_top() {
        assert_eq!(tax(120_000_000, 2_000, true), 20_000_000);
        assert_eq!(tax(100_000_000, 2_000, false), 20_000_000);
        assert_eq!(tax(100_000_000, 0, true), 0);
    }
}
