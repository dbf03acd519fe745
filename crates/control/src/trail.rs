//! What a piece of work belongs to: the request of a client and the job that it became. Calls of nodes carry it, so that
//! one number leads from an answer through the queue into a node's log.
//!
//! It goes along with the task, as the log's spans do, and decides nothing.

use berth_proto as proto;
use serde_json::Value;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

tokio::task_local! {
    static TRAIL: Trail;
}

/// Of a job's payload: the request that queued it.
const IN_PAYLOAD: &str = "requestId";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trail {
    pub request: Option<String>,
    pub job: Option<i64>,
    pub server: Option<i64>,
}

impl Trail {
    pub fn of_request(request: Option<String>) -> Self {
        Self { request, ..Self::default() }
    }

    pub fn of_job(job: &berth_store::entity::job::Model) -> Self {
        let request = job.payload[IN_PAYLOAD].as_str().map(str::to_owned);
        Self { request, job: Some(job.id), server: job.server_id }
    }

    /// Of what runs now; empty where nobody said.
    pub fn here() -> Self {
        TRAIL.try_with(Clone::clone).unwrap_or_default()
    }

    pub async fn follow<T>(self, work: impl Future<Output = T>) -> T {
        TRAIL.scope(self, work).await
    }

    /// Tells a job's payload of the request.
    pub fn mark(self, payload: &mut Value) {
        if let (Some(request), Some(fields)) = (self.request, payload.as_object_mut()) {
            fields.insert(IN_PAYLOAD.to_owned(), request.into());
        }
    }

    /// Tells a call of a node of all.
    pub fn tell(self, metadata: &mut MetadataMap) {
        let Self { request, job, server } = self;
        let number = |id: Option<i64>| id.map(|id| id.to_string());
        let told = [(proto::REQUEST_KEY, request), (proto::JOB_KEY, number(job)), (proto::SERVER_KEY, number(server))];
        for (key, id) in told {
            if let Some(id) = id.and_then(|id| id.parse::<MetadataValue<Ascii>>().ok()) {
                metadata.insert(key, id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_goes_along_with_the_work_and_no_further() {
        assert_eq!(Trail::here(), Trail::default());
        let trail = Trail { request: Some("order-1".to_owned()), job: Some(7), server: None };
        let (mut payload, mut metadata) = (serde_json::json!({ "email": true }), MetadataMap::new());
        let followed = async {
            Trail::here().mark(&mut payload);
            Trail::here().tell(&mut metadata);
            Trail::here()
        };
        assert_eq!(trail.clone().follow(followed).await, trail);
        assert_eq!(Trail::here(), Trail::default());
        assert_eq!(payload, serde_json::json!({ "email": true, "requestId": "order-1" }));
        assert_eq!(metadata.get(proto::REQUEST_KEY).unwrap(), "order-1");
        assert_eq!(metadata.get(proto::JOB_KEY).unwrap(), "7");
        assert!(metadata.get(proto::SERVER_KEY).is_none());
    }
}
