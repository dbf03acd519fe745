//! Processors that are used fairly: what packages say of sustained use, and how a server stands.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

/// How long a package's servers may use how much of their processors.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CpuFairness {
    /// Percent of all its processors' time, 1 to 100; 0 lets servers use what they can.
    #[serde(deserialize_with = "lenient::i64")]
    pub share: i64,
    /// More than the share for so many minutes leads to a throttle; 1 to 1440.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub minutes: i64,
    /// Percent of all its processors' time that is left then, 1 to 99.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub throttle: i64,
    /// How long, 1 to 1440. Then it is lifted by itself.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub throttle_minutes: i64,
}

/// How a server stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerCpuFairness {
    /// Percent of all its processors' time, over the minute before the last look; null before the first.
    pub used: Option<i64>,
    /// Percent of the time in which its processors wanted to run and had to wait for the node's, now; null where its
    /// node tells nothing.
    pub steal: Option<f64>,
    /// Since when it has used more than its share.
    pub over_since: Option<String>,
    pub throttled: bool,
    /// Percent of all its processors' time that it is left; null without a throttle.
    pub throttle: Option<i64>,
    pub throttled_until: Option<String>,
}
