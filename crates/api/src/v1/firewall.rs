//! Firewalls of servers and rulesets. What the Global API describes ignores unknown fields; the newer operations refuse
//! them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

/// A rule as it is asked for; what is absent fits everything.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RuleInput {
    /// `in` or `out`, as the server sees it; needed for a new rule.
    pub direction: Option<String>,
    /// `allow` or `deny`; needed for a new rule.
    pub action: Option<String>,
    /// `tcp`, `udp`, `icmp`, `any` or the number of an IP protocol.
    #[serde(deserialize_with = "lenient::option_text")]
    pub protocol: Option<String>,
    /// 4 or 6; by default what the addresses are of, else 4.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub ip_type: Option<i64>,
    /// An address or a network.
    pub source_address: Option<String>,
    /// Ports and ranges, as in `22,8000-8080`; with TCP and UDP only.
    #[serde(deserialize_with = "lenient::option_text")]
    pub source_port: Option<String>,
    pub destination_address: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub destination_port: Option<String>,
    /// 0 to 10000, by default 1000; lower ones are judged first.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub priority: Option<i64>,
    /// Rules of a server are always applied; the field is taken for the sake of clients that send it.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub apply: Option<bool>,
}

/// `POST /servers/{serverId}/firewall/{interface}/rules`: rulesets, which replace all rules, or one rule.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct FirewallRulesInput {
    /// Ids of rulesets whose rules replace all that there are; none: no rules. `rules` is taken for it too.
    #[serde(alias = "rules", deserialize_with = "lenient::option_list_i64")]
    pub rulesets: Option<Vec<i64>>,
    #[serde(flatten)]
    #[schema(value_type = RuleInput)]
    pub rule: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyRuleset {
    #[serde(deserialize_with = "lenient::i64")]
    pub ruleset_id: i64,
    /// Rules are always applied.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub apply: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirewallRule {
    pub id: i64,
    pub priority: i32,
    /// `in` or `out`.
    pub direction: String,
    /// `allow` or `deny`.
    pub action: String,
    /// `tcp`, `udp`, `icmp`, `any` or a number.
    pub protocol: String,
    /// 4 or 6.
    pub ip_type: i32,
    /// Null: any.
    pub source_address: Option<String>,
    pub source_port: Option<String>,
    pub destination_address: Option<String>,
    pub destination_port: Option<String>,
}

/// The firewall of an interface.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerFirewall {
    pub enabled: bool,
    /// In the order in which they are judged.
    pub rules: Vec<FirewallRule>,
    /// Whether the node said that it has carried out the newest change of the server. False while it has yet to, or could
    /// not, and of a server that is not built.
    pub applied: bool,
    /// Whether packets of flows that were let through in one direction pass in the other: such flows are remembered. False
    /// where the node's kernel refused that when it was tried; then no firewall is in force there.
    pub stateful: bool,
    /// Nothing passes in either direction, by order of staff.
    pub quarantined: bool,
}

/// What became of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CreatedRule {
    /// False where an identical rule was there.
    pub created: bool,
    pub rule: FirewallRule,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirewallRuleset {
    pub id: i64,
    pub name: String,
    pub description: String,
    /// New servers get it whose package names no rulesets.
    pub default: bool,
    pub rules: Vec<FirewallRule>,
    pub created: String,
    pub updated: String,
}

/// A ruleset, or a change of one: what is absent stays, and rules replace those that there are.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RulesetInput {
    /// 3 to 100 characters, unique.
    pub name: Option<String>,
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub default: Option<bool>,
    /// At most 100.
    pub rules: Option<Vec<RuleInput>>,
}

/// Which rulesets new servers of a package get.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageFirewall {
    /// Ids in order; none: no firewall; null: the default ones.
    #[serde(default, deserialize_with = "lenient::option_array_i64")]
    pub rulesets: Option<Vec<i64>>,
}
