//! One's credit, what one used, and what was booked.

use serde::Serialize;
use utoipa::ToSchema;

use super::shop::{Amount, OwnCurrency, OwnPack};

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Billing {
    pub currency: Option<OwnCurrency>,
    pub credit: Amount,
    /// Whether servers are suspended when it runs out.
    pub prepaid: bool,
    /// Whether it is below a threshold of the provider's.
    pub low: bool,
    /// Since when there is none.
    pub out_since: Option<String>,
    /// When servers were suspended for that.
    pub suspended: Option<String>,
    /// This month, and those before it in which something was booked, the newest first; at most 25.
    pub months: Vec<BillingMonth>,
    pub packs: Vec<OwnPack>,
    pub hourly_pack: Option<OwnPack>,
}

/// A month that has a statement.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BillingMonth {
    /// As in `2025-01`.
    pub month: String,
    /// Whether something may still be booked in it: it is not over, or not all of its hours are booked yet.
    pub provisional: bool,
}

/// What was used in a month.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Bill {
    /// As in `2025-01`.
    pub month: String,
    /// Whether something may still be booked in it.
    pub provisional: bool,
    /// What amounts of this month are told in.
    pub currency: Option<OwnCurrency>,
    pub total: Amount,
    /// Where one is shown.
    pub tax: Option<BillTax>,
    pub servers: Vec<BillServer>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BillTax {
    pub percent: f64,
    /// Whether the total has it in it; else it comes on top.
    pub included: bool,
    pub amount: Amount,
}

/// A server with everything beyond its package; it may be gone by now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BillServer {
    pub uuid: String,
    pub name: String,
    /// That were used.
    pub hours: i64,
    pub amount: Amount,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LedgerLine {
    pub id: i64,
    /// `credit`, `cancellation` or `usage`.
    pub kind: String,
    pub amount: Amount,
    /// Of usage the beginning of its hour.
    pub at: String,
    /// Of usage the server's name.
    pub server: Option<String>,
    /// Of usage: `server`, or an add-on.
    pub item: Option<String>,
    pub quantity: i64,
}
