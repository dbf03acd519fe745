//! What customers used: by period, as figures of a month, and as a report in a currency.
//!
//! Where nothing was used, some numbers are `false`: so the Global API writes them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{tokens::Tokens, v1::self_service_pack::UserPack};

/// A value, or `false` where there is none.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OrFalse<T> {
    Value(T),
    False(bool),
}

impl<T> OrFalse<T> {
    /// `false` unless `is_there`.
    pub fn when(is_there: bool, value: T) -> Self {
        if is_there { OrFalse::Value(value) } else { OrFalse::False(false) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    pub user: UsageUser,
    #[serde(flatten)]
    pub total: UsageTotals,
    pub periods: Vec<UsagePeriod>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageUser {
    pub id: i64,
    /// The relation where it is a number, else 0.
    pub relational_id: i64,
    /// The code of the customer's own currency.
    pub currency: Option<String>,
    /// IANA name.
    pub timezone: String,
    pub name: String,
    pub email: String,
}

/// All hours, and those that were charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageTotals {
    pub usage_servers: UsageSum,
    pub usage_servers_billable: UsageSum,
    pub usage_addons: UsageSum,
    pub usage_addons_billable: UsageSum,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageSum {
    pub hours: i64,
    /// Rounded to hundredths.
    pub token: Tokens,
    pub token_real: Tokens,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsagePeriod {
    /// Its first day.
    pub period: String,
    /// `day`, `week`, `2 weeks`, `3 weeks` or `month`.
    pub range: String,
    pub start: String,
    pub end: String,
    /// `UTC`.
    pub timezone: String,
    /// Whether it is now.
    pub current_period: bool,
    /// Of the calendar month that it begins in.
    pub hours_in_month_period: i64,
    /// Hours that this month is billed as.
    pub month_to_hour_rate: i64,
    /// 1: always 730. 2: as many as it has.
    pub month_to_hour_rate_type: i32,
    pub days: i64,
    pub hours: i64,
    pub minutes: i64,
    pub seconds: i64,
    #[serde(flatten)]
    pub total: UsageTotals,
    pub servers: Vec<UsageServer>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageServer {
    pub id: i64,
    pub uuid: String,
    pub name: String,
    #[serde(flatten)]
    pub total: UsageTotals,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HourlyStats {
    /// How many periods ago it was; 0 is now.
    pub period_id: i64,
    pub period: String,
    pub previous_period: String,
    pub next_period: String,
    pub monthly_total: StatsTotal,
    /// That were used in it.
    pub servers: i64,
    pub credit: StatsCredit,
    pub currency: StatsCurrency,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StatsTotal {
    /// Of servers, that were charged.
    pub hours: i64,
    /// In the currency.
    pub value: String,
    pub tokens: OrFalse<Tokens>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatsCredit {
    /// Tokens.
    pub value: Tokens,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatsCurrency {
    /// Empty where there is no currency.
    pub code: String,
    pub prefix: String,
    pub suffix: String,
    /// Of a token, when the period ended.
    pub value: f64,
    /// Of a token now.
    pub current_value: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Report {
    pub usage: ReportUsage,
    pub currency: ReportCurrency,
    pub limits: ReportLimits,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportUsage {
    pub servers: Vec<ReportServer>,
    pub servers_total: ReportTotal,
    /// Hours that the month is billed as.
    pub hour_conversion_rate: OrFalse<i64>,
    pub monthly_total: ReportTotal,
    pub addons_total: AddonsTotal,
    /// 1: prices contain the tax. 2: it comes on top. 3: none is shown.
    pub tax_status: i32,
    /// Where one is shown.
    pub tax: Option<ReportTax>,
    /// Whether anything was used.
    pub success: bool,
    /// How many months ago it was.
    pub history: String,
    pub breakdown: bool,
    pub term: String,
    pub previous_term: String,
    pub next_term: String,
    pub period: ReportPeriod,
    pub show_hourly_rate: bool,
    pub show_monthly_rate: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReportTotal {
    pub hours: OrFalse<i64>,
    pub value: OrFalse<String>,
    pub tokens: OrFalse<Tokens>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AddonsTotal {
    pub hours: i64,
    /// In the currency.
    pub value: f64,
    pub tokens: OrFalse<Tokens>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReportTax {
    pub percent: f64,
    /// In the currency.
    pub value: String,
    pub tokens: Tokens,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReportServer {
    pub id: i64,
    pub uuid: String,
    pub name: String,
    pub lines: Vec<ReportLine>,
    /// That were charged.
    pub hours: i64,
    pub value: String,
    pub tokens: Tokens,
}

/// Hours of one thing at one price.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportLine {
    /// `server`, or an add-on.
    pub item: String,
    pub package_id: i64,
    pub quantity: i64,
    pub hours: i64,
    pub billable_hours: i64,
    /// Where the settings show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_rate: Option<Tokens>,
    /// Where the settings show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hourly_rate: Option<Tokens>,
    pub value: String,
    pub tokens: Tokens,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReportPeriod {
    pub ymd: String,
    pub start: String,
    pub end: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportCurrency {
    pub prefix: String,
    pub suffix: String,
    pub code: String,
    /// Of a token now.
    pub current_value: f64,
    /// Of a token, when the period ended.
    pub value: f64,
    pub default: ReportDefaultCurrency,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReportDefaultCurrency {
    pub prefix: String,
    pub suffix: String,
    pub code: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReportLimits {
    pub success: bool,
    /// The customer's resource packs.
    pub packs: Vec<UserPack>,
}
