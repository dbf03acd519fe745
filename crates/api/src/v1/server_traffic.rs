//! Traffic of a server by periods, and traffic that is added to one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerTrafficUse {
    /// The newest first.
    pub monthly: Vec<TrafficMonth>,
}

/// A period, which begins on the day of the month on which the server was created.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrafficMonth {
    /// 1 is the first since creation.
    pub month: u32,
    pub start: String,
    pub end: String,
    /// Bytes that the server received.
    pub rx: i64,
    /// Bytes that it sent.
    pub tx: i64,
    pub total: i64,
    /// GB (10^9 bytes) without blocks; 0 is unmetered.
    pub limit: i64,
    pub blocks: Vec<TrafficMonthBlock>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrafficMonthBlock {
    pub id: i64,
    /// GB.
    pub traffic: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrafficBlocks {
    pub assigned: Vec<TrafficBlock>,
    pub available: TrafficPeriods,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrafficBlock {
    pub id: i64,
    /// Whether its period is the current one.
    pub current: bool,
    pub month: u32,
    /// GB.
    pub traffic: i64,
    pub start: String,
    pub end: String,
    pub added: String,
}

/// The current period and the next 24.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrafficPeriods {
    pub total: usize,
    pub current: TrafficPeriod,
    /// By number.
    pub months: BTreeMap<u32, TrafficPeriod>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrafficPeriod {
    pub month: u32,
    pub start: String,
    pub end: String,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct AddTrafficBlock {
    /// The number of the current period or one of the next 24.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub month: Option<i64>,
    /// GB, 1 to 10,000,000.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub amount: Option<i64>,
}

/// Bytes of a server's public interface in one day or hour of UTC.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrafficSlice {
    pub start: String,
    pub rx: i64,
    pub tx: i64,
}

/// Bytes a second of a server's public interface, on average over five minutes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrafficRate {
    /// Of the five minutes, in UTC.
    pub start: String,
    pub rx: i64,
    pub tx: i64,
}

/// What becomes of a package's servers when they pass their traffic.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficPolicy {
    /// `nothing`, `throttle` or `suspend`. The last two end when the period turns or more traffic is added.
    pub policy: String,
    /// kB/s in either direction.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub throttle: Option<i64>,
}
