//! The kinds of work and how each is driven.

use std::time::Duration;

use super::{Run, StepError, StepResult, Write, build, delete, password, power};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Build,
    Power,
    Delete,
    Password,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Build, Kind::Power, Kind::Delete, Kind::Password];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Build => "build",
            Kind::Power => "power",
            Kind::Delete => "delete",
            Kind::Password => "password",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How long a job may take from its creation until a failing step is given up. Deletions wait for their node.
    pub fn time_limit(self) -> Duration {
        match self {
            Kind::Build => Duration::from_secs(3_600),
            Kind::Power | Kind::Password => Duration::from_secs(900),
            Kind::Delete => Duration::from_secs(10 * 365 * 24 * 3_600),
        }
    }

    /// The step that a new job begins with.
    pub fn first_step(self) -> &'static str {
        match self {
            Kind::Build => build::Step::Prepare.name(),
            Kind::Power => power::STEP,
            Kind::Delete => delete::Step::Evict.name(),
            Kind::Password => password::STEP,
        }
    }

    pub async fn step(self, run: &Run) -> Result<StepResult, StepError> {
        match self {
            Kind::Build => build::step(run).await,
            Kind::Power => power::step(run).await,
            Kind::Delete => delete::step(run).await,
            Kind::Password => password::step(run).await,
        }
    }

    /// What a job that fails or is cancelled changes, committed with its end.
    pub fn undone(self, run: &Run) -> Option<Write> {
        match self {
            Kind::Build => build::failed(run),
            Kind::Power | Kind::Delete | Kind::Password => None,
        }
    }

    /// Whether a job may stop between two steps when it is asked to.
    pub fn can_stop(self) -> bool {
        self != Kind::Delete
    }
}
