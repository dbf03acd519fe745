//! Faults to order.

use std::{collections::HashMap, time::Duration};

use tonic::Status;

/// The calls of the service that faults are ordered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Hello,
    Apply,
    Evict,
    Observe,
    Do,
    EnsureImage,
    PutImage,
    Selftest,
    Validate,
    PruneIsos,
    SetNetworks,
    ConfirmNetworks,
    RegenerateFilters,
}

#[derive(Default)]
pub struct Faults {
    /// Every call answers after this.
    pub slow: Duration,
    /// No call is answered: the node is gone.
    pub gone: bool,
    /// The next so many calls of a kind fail with this status, after they did what they do.
    pub lost_answers: HashMap<Call, u32>,
    /// The next so many calls of a kind fail before they do anything.
    pub refusals: HashMap<Call, (u32, Status)>,
    /// Operations end as failed, with this sentence.
    pub ops_fail: Option<String>,
    /// Says that it applied what it did not: its host never has the server.
    pub lying: bool,
    /// Specifications are taken and not carried out, with this sentence.
    pub applies_fail: Option<String>,
    /// Self-tests find that the storage fails, with this sentence.
    pub storage_fails: Option<String>,
    /// No server's filters come into force, with this sentence.
    pub filters_fail: Option<String>,
}

impl Faults {
    /// What happens to a call before it does anything.
    pub(super) fn before(&mut self, call: Call) -> Result<(), Status> {
        if self.gone {
            return Err(Status::unavailable("the simulated node is gone"));
        }
        match self.refusals.get_mut(&call) {
            Some((left @ 1.., status)) => {
                *left -= 1;
                Err(status.clone())
            }
            _ => Ok(()),
        }
    }

    /// What happens to a call's answer.
    pub(super) fn after(&mut self, call: Call) -> Result<(), Status> {
        match self.lost_answers.get_mut(&call) {
            Some(left @ 1..) => {
                *left -= 1;
                Err(Status::unavailable("the simulated network lost the answer"))
            }
            _ => Ok(()),
        }
    }
}
