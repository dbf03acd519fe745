//! The kinds of work and how each is driven.

use std::time::Duration;

use berth_store::job;

use super::{
    Run, StepError, StepResult, Write, apply, build, delete, filters, media, networks, password, power, ptr, selftest,
    suspend,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Build,
    Power,
    Delete,
    Password,
    /// What an address is called.
    Ptr,
    Apply,
    Suspend,
    Selftest,
    Media,
    /// A node's own network.
    Networks,
    /// The filters of all servers of a node.
    Filters,
}

/// What a second try of a job begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// The same payload says it all.
    Same,
    /// A new disk, since the guest of the first try may have written to the other.
    Build,
    /// The server is hidden already.
    Deletion,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Build,
        Kind::Power,
        Kind::Delete,
        Kind::Password,
        Kind::Ptr,
        Kind::Apply,
        Kind::Suspend,
        Kind::Selftest,
        Kind::Media,
        Kind::Networks,
        Kind::Filters,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Build => "build",
            Kind::Power => "power",
            Kind::Delete => "delete",
            Kind::Password => "password",
            Kind::Ptr => "ptr",
            Kind::Apply => "apply",
            Kind::Suspend => "suspend",
            Kind::Selftest => "selftest",
            Kind::Media => "media",
            Kind::Networks => "networks",
            Kind::Filters => "filters",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How long a job may take from its creation until a failing step is given up. Deletions and suspensions
    /// wait for their node.
    pub fn time_limit(self) -> Duration {
        match self {
            Kind::Build => Duration::from_secs(3_600),
            Kind::Power | Kind::Password => Duration::from_secs(900),
            Kind::Ptr => Duration::from_secs(24 * 3_600),
            Kind::Selftest | Kind::Networks | Kind::Filters => Duration::from_secs(1_800),
            // What was changed while a node was away is there when it is back.
            Kind::Apply => Duration::from_secs(7 * 24 * 3_600),
            // The node's own download takes up to two hours.
            Kind::Media => Duration::from_secs(3 * 3_600),
            Kind::Suspend | Kind::Delete => Duration::from_secs(10 * 365 * 24 * 3_600),
        }
    }

    /// The step that a new job begins with.
    pub fn first_step(self) -> &'static str {
        match self {
            Kind::Build => build::Step::Prepare.name(),
            Kind::Power => power::STEP,
            Kind::Delete => delete::Step::Evict.name(),
            Kind::Password => password::STEP,
            Kind::Ptr => ptr::STEP,
            Kind::Apply => apply::Step::Send.name(),
            Kind::Suspend => suspend::Step::Look.name(),
            Kind::Selftest => selftest::STEP,
            Kind::Media => media::Step::Fetch.name(),
            Kind::Networks => networks::Step::Send.name(),
            Kind::Filters => filters::Step::Follow.name(),
        }
    }

    /// The steps that it takes one after the other; none for work that is told by its progress alone.
    pub fn plan(self) -> Vec<&'static str> {
        match self {
            Kind::Build => build::Step::ALL.map(build::Step::name).to_vec(),
            Kind::Apply => apply::Step::ALL.map(apply::Step::name).to_vec(),
            Kind::Networks => networks::Step::ALL.map(networks::Step::name).to_vec(),
            Kind::Filters => filters::Step::ALL.map(filters::Step::name).to_vec(),
            Kind::Power | Kind::Delete | Kind::Password | Kind::Ptr | Kind::Suspend | Kind::Selftest | Kind::Media => {
                Vec::new()
            }
        }
    }

    pub async fn step(self, run: &Run) -> Result<StepResult, StepError> {
        // Each on the heap: a future as large as the largest of them would be moved through every caller.
        match self {
            Kind::Build => Box::pin(build::step(run)).await,
            Kind::Power => Box::pin(power::step(run)).await,
            Kind::Delete => Box::pin(delete::step(run)).await,
            Kind::Password => Box::pin(password::step(run)).await,
            Kind::Ptr => Box::pin(ptr::step(run)).await,
            Kind::Apply => Box::pin(apply::step(run)).await,
            Kind::Suspend => Box::pin(suspend::step(run)).await,
            Kind::Selftest => Box::pin(selftest::step(run)).await,
            Kind::Media => Box::pin(media::step(run)).await,
            Kind::Networks => Box::pin(networks::step(run)).await,
            Kind::Filters => Box::pin(filters::step(run)).await,
        }
    }

    /// What a job that fails or is cancelled changes, committed with its end.
    pub fn undone(self, run: &Run) -> Option<Write> {
        match self {
            Kind::Build => build::failed(run),
            Kind::Ptr => ptr::failed(run),
            Kind::Power => power::failed(run),
            Kind::Delete
            | Kind::Password
            | Kind::Apply
            | Kind::Suspend
            | Kind::Selftest
            | Kind::Media
            | Kind::Networks
            | Kind::Filters => None,
        }
    }

    /// Work of a server in one lane runs one after the other.
    pub fn lane(self) -> i32 {
        match self {
            Kind::Media => job::LANE_MEDIA,
            Kind::Ptr => job::LANE_NAMES,
            _ => job::LANE_MAIN,
        }
    }

    /// Whether a job may stop between two steps when it is asked to.
    pub fn can_stop(self) -> bool {
        self != Kind::Delete
    }

    /// How a job that failed or was cancelled is taken up again.
    pub fn again(self) -> Again {
        match self {
            Kind::Build => Again::Build,
            Kind::Delete => Again::Deletion,
            Kind::Power
            | Kind::Password
            | Kind::Selftest
            | Kind::Ptr
            | Kind::Apply
            | Kind::Suspend
            | Kind::Media
            | Kind::Networks
            | Kind::Filters => Again::Same,
        }
    }

    /// What whoever reads of a failure can do, as a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Kind::Build => {
                "Mend the cause; then retry this item, build the server again, or delete it: all work from here."
            }
            Kind::Power => "See whether the guest runs; then retry this item, or ask for what is wanted now.",
            Kind::Password => {
                "The password is what it was. See that the guest runs with its agent in it, and retry this item."
            }
            Kind::Media => "The drive is as it was; mend the cause and retry this item, or eject the disc.",
            Kind::Selftest => "See that the node's agent runs and is reached; then retry this item.",
            Kind::Networks => {
                "The node's network is what it was. See that the node is reached and takes the change; then retry this item."
            }
            Kind::Filters => {
                "Packets are judged by the rules that are in force. Mend what is said, and retry this item."
            }
            Kind::Ptr => {
                "See that the DNS server answers and has the zone; then retry this item, or name the address again."
            }
            Kind::Apply => "The change is kept; the next change or start takes it to the node, and so does a retry.",
            Kind::Suspend => "The server stays as it was said; see that its node is reached, and retry this item.",
            Kind::Delete => {
                "Mend the cause and retry this item: until then the server is hidden and keeps its addresses."
            }
        }
    }
}
