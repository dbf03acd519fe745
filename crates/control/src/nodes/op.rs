//! Operations that happen once on a node, and waiting for their end.

use berth_proto as proto;
pub use proto::do_request::Op;

use super::{Node, Poll};
use crate::jobs::{Run, StepError};

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
    let mut poll = Poll::default();
    loop {
        let reply = node.start_op(request.clone()).await?;
        match reply.state() {
            proto::do_reply::State::Done => return Ok(reply),
            proto::do_reply::State::Failed => return Err(StepError::Fatal(reply.detail)),
            _ => poll.pause().await,
        }
    }
}
