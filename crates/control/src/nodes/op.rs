//! Operations that happen once on a node, and waiting for their end.

use std::time::Duration;

use berth_proto as proto;
pub use proto::do_request::Op;

use super::Node;
use crate::jobs::{Run, StepError};

const POLL: Duration = Duration::from_millis(250);

/// Starts the operation, or finds it started by an earlier run of this step, and waits for its end; the lease is
/// kept meanwhile. Its failure ends the job with the node's sentence.
pub async fn wait_done(
    run: &Run,
    node: &Node,
    server_uuid: &str,
    name: &str,
    op: Op,
) -> Result<proto::DoReply, StepError> {
    let request = proto::DoRequest {
        fence: Some(run.fence()),
        op_id: run.op_id(name),
        server_uuid: server_uuid.to_owned(),
        op: Some(op),
    };
    loop {
        let reply = node.start_op(request.clone()).await?;
        match reply.state() {
            proto::do_reply::State::Done => return Ok(reply),
            proto::do_reply::State::Failed => return Err(StepError::Fatal(reply.detail)),
            _ => tokio::time::sleep(POLL).await,
        }
    }
}
