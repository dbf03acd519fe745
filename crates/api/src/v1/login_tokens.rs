//! Pairs of tokens that log a user in to the panel.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LoginTokens {
    pub authentication: Authentication,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Authentication {
    pub tokens: Tokens,
    /// A path on the panel's host.
    pub endpoint: String,
    /// The same with the tokens: where the browser is sent.
    pub endpoint_complete: String,
    pub expiry: Expiry,
}

/// 100 letters and digits each.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Tokens {
    #[serde(rename = "1")]
    pub first: String,
    #[serde(rename = "2")]
    pub second: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Expiry {
    /// Seconds.
    pub ttl: i64,
    pub expires: String,
}
