//! How self service is set up: settings, currencies, prices, group profiles.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{lenient, tokens::Tokens};

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelfServiceSettings {
    /// 1: a month is billed as 730 hours. 2: as the hours that it has.
    pub month_to_hour_rate_type: i32,
    /// 1: prices contain the tax. 2: it comes on top. 3: none is shown.
    pub tax_status: i32,
    pub tax_percent: f64,
    pub show_hourly_rate: bool,
    pub show_monthly_rate: bool,
    /// Credit at which a notice is given, the highest first.
    pub low_credit: Vec<Tokens>,
    /// Hours without credit until servers are suspended.
    pub suspend_after_hours: i64,
    /// Hours without credit until servers are deleted; 0 is never.
    pub delete_after_hours: i64,
    /// Monthly prices.
    pub addons: AddonPrices,
}

/// Tokens a month for each; 0 is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AddonPrices {
    /// Of an IPv4 address beyond the first.
    pub ipv4: Tokens,
    /// Of a GiB of disks beyond the package's.
    pub storage: Tokens,
    /// Of a begun GiB of memory beyond the package's.
    pub memory: Tokens,
    /// Of a core beyond the package's.
    pub cpu: Tokens,
}

/// What is left out stays. Prices hold from the next hour.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ChangeSelfServiceSettings {
    #[serde(deserialize_with = "lenient::option_i64")]
    pub month_to_hour_rate_type: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub tax_status: Option<i64>,
    /// With at most two decimals, as number or text.
    #[serde(deserialize_with = "lenient::option_text")]
    pub tax_percent: Option<String>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub show_hourly_rate: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub show_monthly_rate: Option<bool>,
    /// At most ten; an empty list is no notice.
    pub low_credit: Option<Vec<Tokens>>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub suspend_after_hours: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub delete_after_hours: Option<i64>,
    pub addons: Option<ChangeAddonPrices>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeAddonPrices {
    pub ipv4: Option<Tokens>,
    pub storage: Option<Tokens>,
    pub memory: Option<Tokens>,
    pub cpu: Option<Tokens>,
}

/// What a package costs by the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PackagePrice {
    /// A month; null where it has no price and can't be had by the hour.
    pub tokens: Option<Tokens>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPackagePrice {
    /// A month, 0 to 1,000,000,000. Holds from the next hour; hours that were stay as they are.
    pub tokens: Tokens,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Currency {
    pub id: i64,
    pub code: String,
    /// Of one token, with ten decimals.
    pub value: String,
    /// Empty where there is none: clients read a text.
    pub prefix: String,
    /// Null where there is none, as in the published example.
    pub suffix: Option<String>,
    pub default: bool,
    pub enabled: bool,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCurrency {
    /// Three letters, as ISO 4217 has them; unique.
    pub code: String,
    /// Of one token, as number or text: above 0, at most 1,000,000, at most ten decimals.
    #[serde(default, deserialize_with = "lenient::option_text")]
    pub value: Option<String>,
    /// Before an amount, up to 10 characters.
    #[serde(default, deserialize_with = "lenient::option_text")]
    pub prefix: Option<String>,
    /// Behind an amount, up to 10 characters.
    #[serde(default, deserialize_with = "lenient::option_text")]
    pub suffix: Option<String>,
    /// The first one is, whatever is said.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub default: Option<bool>,
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
}

/// What is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateCurrency {
    #[serde(deserialize_with = "lenient::option_text")]
    pub value: Option<String>,
    /// Null takes it away.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub prefix: Option<Option<String>>,
    /// Null takes it away.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub suffix: Option<Option<String>>,
    /// True makes it the default in place of the one that is.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub default: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
}

/// Where and what its customers may create.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupProfile {
    pub id: i64,
    pub name: String,
    pub enabled: bool,
    /// Of one customer; 0 is no limit.
    pub max_servers: i64,
    pub hypervisor_groups: Vec<i64>,
    pub packages: Vec<i64>,
    /// None stands for all that fit a package.
    pub templates: Vec<i64>,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateGroupProfile {
    /// 1 to 100 characters, unique.
    pub name: String,
    /// By default true.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// Of one customer, 0 to 10,000; 0, the default, is no limit.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub max_servers: Option<i64>,
    #[serde(default, deserialize_with = "lenient::option_array_i64")]
    pub hypervisor_groups: Option<Vec<i64>>,
    #[serde(default, deserialize_with = "lenient::option_array_i64")]
    pub packages: Option<Vec<i64>>,
    #[serde(default, deserialize_with = "lenient::option_array_i64")]
    pub templates: Option<Vec<i64>>,
}

/// What is left out stays; a list replaces the one before.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateGroupProfile {
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub max_servers: Option<i64>,
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub hypervisor_groups: Option<Vec<i64>>,
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub packages: Option<Vec<i64>>,
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub templates: Option<Vec<i64>>,
}
