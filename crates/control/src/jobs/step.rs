//! What a step gets and what it answers.

use std::{pin::Pin, time::Duration};

use berth_proto as proto;
use berth_store::{Tx, entity::job};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Context, Error, nodes::NodeError};

/// Rows that a step changes, written in the transaction that commits its end. May run several times.
pub type Write =
    Box<dyn for<'t> Fn(&'t Tx) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 't>> + Send + Sync>;

/// One claim of a job.
pub struct Run {
    pub ctx: Context,
    pub job: job::Model,
}

pub enum Then {
    /// The name of the next step.
    Next(&'static str),
    /// The same step again, later.
    Wait(Duration),
    Done,
    /// For good, with a sentence that an operator understands.
    Fail(String),
}

pub struct StepResult {
    pub then: Then,
    /// For the queue's primary actions; without secrets. `Null` writes no entry.
    pub data: Value,
    pub write: Option<Write>,
    /// Of the whole job, 0 to 100.
    pub progress: Option<i32>,
    /// Of the whole job, kept in its row when it is done; without secrets.
    pub result: Value,
}

impl StepResult {
    fn new(then: Then) -> Self {
        Self { then, data: Value::Null, write: None, progress: None, result: Value::Null }
    }

    pub fn next(step: &'static str) -> Self {
        Self::new(Then::Next(step))
    }

    pub fn wait(pause: Duration) -> Self {
        Self::new(Then::Wait(pause))
    }

    pub fn done() -> Self {
        Self::new(Then::Done)
    }

    pub fn fail(reason: impl Into<String>) -> Self {
        Self::new(Then::Fail(reason.into()))
    }

    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    #[must_use]
    pub fn progress(mut self, percent: i32) -> Self {
        self.progress = Some(percent);
        self
    }

    #[must_use]
    pub fn write(
        mut self,
        write: impl for<'t> Fn(&'t Tx) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 't>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.write = Some(Box::new(write));
        self
    }
}

/// Why a step did not come to an answer. Each has a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The same step can work later: a node that is away, a busy database.
    #[error("{0}")]
    Retry(String),
    /// It can't.
    #[error("{0}")]
    Fatal(String),
}

impl From<NodeError> for StepError {
    fn from(error: NodeError) -> Self {
        if error.may_pass() { StepError::Retry(error.to_string()) } else { StepError::Fatal(error.to_string()) }
    }
}

impl From<Error> for StepError {
    /// The database is the only thing below a step that answers with these, and it comes back.
    fn from(error: Error) -> Self {
        StepError::Retry(error.to_string())
    }
}

impl From<berth_store::StoreError> for StepError {
    fn from(error: berth_store::StoreError) -> Self {
        StepError::Retry(error.to_string())
    }
}

impl Run {
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        serde_json::from_value(self.job.payload.clone())
            .map_err(|error| StepError::Fatal(format!("The job's payload can't be read: {error}.")))
    }

    pub fn server_id(&self) -> Result<i64, StepError> {
        self.job.server_id.ok_or_else(|| StepError::Fatal("The job has no server.".to_owned()))
    }

    /// The claim as the node checks it.
    pub fn fence(&self) -> proto::Fence {
        proto::Fence { lease_token: self.job.lease_token.unsigned_abs(), job_id: self.job.id.unsigned_abs() }
    }

    /// An operation's identity on the node: the same whenever this step of this job is repeated.
    pub fn op_id(&self, name: &str) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(format!("{} {name}", self.job.uuid));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
    }

    /// Writes progress outside the step's commit; called at most once a second.
    pub async fn note_progress(&self, percent: i32) -> Result<(), StepError> {
        let (job_id, token, now) = (self.job.id, self.job.lease_token, self.ctx.now());
        if percent == self.job.progress {
            return Ok(());
        }
        self.ctx
            .store
            .write_tx::<_, Error>(|tx| {
                Box::pin(async move {
                    berth_store::job_lease::progress(tx, job_id, token, percent, now).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }
}
