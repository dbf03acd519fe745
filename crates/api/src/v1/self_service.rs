//! Self service of one customer: credit, access, and servers that they create by their own right.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{lenient, tokens::Tokens};

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AddCredit {
    /// Below zero takes credit away.
    pub tokens: Tokens,
    /// A number of the caller's, up to 64 bits.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub reference_1: Option<i64>,
    /// A text of the caller's, up to 1,000 characters.
    #[serde(default, deserialize_with = "lenient::option_text")]
    pub reference_2: Option<String>,
}

/// The id of what was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MadeId {
    pub id: i64,
}

/// What a customer has, and the newest of what they were given.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditOf {
    pub user_id: i64,
    /// 0 disabled, 1 hourly, 2 resource packs, 3 both.
    pub self_service: i32,
    /// Whether servers are suspended when credit runs out.
    pub hourly_credit: bool,
    /// The sum of the ledger.
    pub tokens: Tokens,
    /// Since when there is no credit.
    pub out_since: Option<String>,
    /// When servers were suspended for that.
    pub suspended: Option<String>,
    /// The newest 200.
    pub credits: Vec<Credit>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Credit {
    pub id: i64,
    pub tokens: Tokens,
    pub reference_1: Option<i64>,
    pub reference_2: Option<String>,
    pub created: String,
    /// When it was cancelled.
    pub cancelled: Option<String>,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    pub id: i64,
    /// `credit`, `cancellation` or `usage`.
    pub kind: String,
    pub tokens: Tokens,
    /// Of usage the beginning of its hour.
    pub at: String,
    pub credit_id: Option<i64>,
    pub server_id: Option<i64>,
    /// `server`, or an add-on.
    pub item: Option<String>,
    pub quantity: i64,
    /// A month of it.
    pub price: Tokens,
    /// Which hour of its month this is, from 1.
    pub hour_of_month: i64,
    /// Whether it was charged.
    pub billable: bool,
}

/// What a customer is told of their credit.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CreditNotice {
    pub id: i64,
    /// `low_credit`, `out_of_credit`, `suspended`, `deleted` or `resumed`.
    pub kind: String,
    /// Of `low_credit`.
    pub threshold: Option<Tokens>,
    /// The credit at that time.
    pub tokens: Tokens,
    pub at: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NameProfile {
    /// A group profile.
    #[serde(deserialize_with = "lenient::i64")]
    pub profile_id: i64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NameHourlyPack {
    /// An hourly resource pack; 0 takes it away.
    #[serde(deserialize_with = "lenient::i64")]
    pub pack_id: i64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddUserPack {
    /// A resource pack.
    #[serde(deserialize_with = "lenient::i64")]
    pub pack_id: i64,
    /// Whether servers may be created in it, by default true.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct EnableUserPack {
    #[serde(deserialize_with = "lenient::bool")]
    pub enabled: bool,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeAccess {
    /// Whether the access level becomes what the customer's profiles say: 1 by an hourly one, 2 by a resource one, 3 by
    /// both, 0 without any. Without it the level stays, unless `selfService` names one.
    #[serde(deserialize_with = "lenient::bool")]
    pub sync_to_profiles: bool,
    /// An addition of Berth's: 0 disabled, 1 hourly, 2 resource packs, 3 both.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub self_service: Option<i64>,
    /// An addition of Berth's: the code of the customer's currency; null is the default one.
    #[serde(default, deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub currency: Option<Option<String>>,
}

/// A server that a customer creates by their own right.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OrderServer {
    /// One that a group profile of the customer's allows.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub package_id: Option<i64>,
    /// A hypervisor group that the same profile allows.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub hypervisor_id: Option<i64>,
    /// The customer's resource pack that it is to be in; without one it is paid by the hour.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub pack_id: Option<i64>,
    /// What it will be built from.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub operating_system_id: Option<i64>,
}
