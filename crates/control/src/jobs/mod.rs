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

pub mod apply;
pub mod build;
pub mod delete;
pub mod filters;
mod kind;
mod leaving;
pub mod media;
pub mod networks;
pub mod password;
pub mod power;
pub mod ptr;
mod runner;
pub mod selftest;
mod specification;
mod step;
pub mod suspend;
mod told;

pub use kind::{Again, Kind};
pub use runner::{claim, run, take_step};
pub use step::{Run, StepError, StepResult, Then, Write};
pub use told::told;
