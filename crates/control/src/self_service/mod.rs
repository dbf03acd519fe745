//! Self service: what an hour is, what it costs, and who is charged. Pure but for `meter` and `run_out`, which the
//! scheduler runs.

pub mod follow;
pub mod hours;
pub mod meter;
pub mod money;
pub mod period;
pub mod rating;
pub mod run_out;
pub mod statement;
pub mod statement_pdf;
