//! Durable work on nodes: a row in the queue, claimed by a runner, taken step by step.
//!
//! A step does one thing and is safe to repeat: a crash anywhere means that its lease ends and the step runs again.
//! What it changed in the database is committed together with the step's end, guarded by the lease token, so a
//! runner that lost its lease changes nothing. Nothing waits inside a transaction, and nothing holds one across the
//! network.
//!
//! ```text
//!   queued ──claim──▶ running ──Next──▶ running (next step, same lease)
//!     ▲                 │ ├──Wait / retry──▶ queued (later)
//!     └─────────────────┘ └──Done / Fail / cancelled──▶ ended
//! ```

pub mod build;
pub mod delete;
mod kind;
pub mod password;
pub mod power;
mod runner;
mod step;

pub use kind::Kind;
pub use runner::{claim, run, take_step};
pub use step::{Run, StepError, StepResult, Then, Write};
