//! Users as the Global API writes and takes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateUser {
    /// 1 to 191 characters.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub email: Option<String>,
    /// The billing system's number of this client.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub ext_relation_id: Option<i64>,
    /// The same as a text, up to 191 characters.
    #[serde(deserialize_with = "lenient::option_text")]
    pub rel_str: Option<String>,
    /// 0 disabled, 1 hourly, 2 resource packs, 3 both.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub self_service: Option<i64>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub self_service_hourly_credit: Option<bool>,
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub self_service_hourly_group_profiles: Option<Vec<i64>>,
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub self_service_resource_group_profiles: Option<Vec<i64>>,
    /// 0 is none.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub self_service_hourly_resource_pack: Option<i64>,
    /// Whether the password is to be mailed.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub send_mail: Option<bool>,
    /// IANA name, by default UTC; guests that are built for the user are given it. An addition of Berth's.
    #[serde(deserialize_with = "lenient::option_text")]
    pub timezone: Option<String>,
    /// A tag of BCP 47 such as `de` or `pt-BR`, by default `en`: what the panel is shown and mail is
    /// written in, where there are texts in it. An addition of Berth's.
    #[serde(deserialize_with = "lenient::option_text")]
    pub language: Option<String>,
}

/// What is left out stays as it is.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModifyUser {
    /// 1 to 191 characters.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub email: Option<String>,
    /// 0 disabled, 1 hourly, 2 resource packs, 3 both.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub self_service: Option<i64>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub self_service_hourly_credit: Option<bool>,
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub self_service_hourly_group_profiles: Option<Vec<i64>>,
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub self_service_resource_group_profiles: Option<Vec<i64>>,
    /// 0 is none.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub self_service_hourly_resource_pack: Option<i64>,
    /// `false` suspends the account.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// IANA name; guests that are built from then on are given it. An addition of Berth's.
    #[serde(deserialize_with = "lenient::option_text")]
    pub timezone: Option<String>,
    /// A tag of BCP 47 such as `de` or `pt-BR`. An addition of Berth's.
    #[serde(deserialize_with = "lenient::option_text")]
    pub language: Option<String>,
}

/// A user's place among staff.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRole {
    /// `owner`, `admin`, `support` or `read-only`; `customer` takes the role away.
    pub role: String,
}

/// The account as it is after a modification.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModifiedUser {
    pub name: String,
    pub email: String,
    pub self_service: i32,
    pub enabled: bool,
}

/// A new password, shown once.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UserPassword {
    pub email: String,
    pub password: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: i64,
    /// Whether the role is `owner` or `admin`.
    pub admin: bool,
    /// Of staff: `owner`, `admin`, `support` or `read-only`. A customer has none.
    pub role: Option<String>,
    /// The relation where it is a number, else 0: clients expect a number.
    pub ext_relation_id: i64,
    /// The relation where it is a text.
    pub rel_str: Option<String>,
    pub self_service: i32,
    pub self_service_hourly_group_profiles: Vec<i64>,
    pub self_service_resource_group_profiles: Vec<i64>,
    pub self_service_hourly_resource_pack: Option<i64>,
    pub name: String,
    pub email: String,
    /// IANA name.
    pub timezone: String,
    /// A tag of BCP 47. An addition of Berth's.
    pub language: String,
    pub suspended: bool,
    pub two_factor_auth: bool,
    pub created: String,
    pub updated: String,
    /// Shown once, in the answer to the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}
