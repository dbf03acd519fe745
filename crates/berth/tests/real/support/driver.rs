//! Speaks to the agent of a test's Berth as its control server does, to give it specifications and operations of a
//! test's choice and to see what the node answers, word by word.
//!
//! From then on the control server's own jobs on that server are refused: the node knows newer specifications.

use std::sync::atomic::{AtomicU32, Ordering};

use berth_control::{config::Config, nodes::Node, spec, start};
use berth_proto::{self as proto, do_request::Op};
use berth_store::{hypervisor, server_details};

use super::berth::Berth;
use super::wait::until;

/// A reconciliation on a busy machine.
const APPLY_LIMIT_S: u64 = 60;
const OP_LIMIT_S: u64 = 180;
/// Above every claim of the control server's jobs.
const TOKEN: u64 = 1 << 60;
static OPS: AtomicU32 = AtomicU32::new(0);

pub struct Driver {
    node: Node,
    pub spec: proto::ServerSpec,
}

impl Driver {
    /// Takes a built server over.
    pub async fn of(berth: &Berth, server: i64) -> Self {
        let config = Config { data_dir: berth.place.control_dir(), ..Config::default() };
        let ctx = start::start(config).await.expect("the control server's data");
        let row = hypervisor::by_id(ctx.store.read(), berth.goods.hypervisor).await.expect("a database");
        let details = server_details::by_id(ctx.store.read(), server).await.expect("a database").expect("a server");
        let node = Node::new(&ctx.nodes, row.expect("a node")).expect("a client");
        Self { node, spec: spec::server_spec(&ctx, &details).expect("a specification") }
    }

    fn fence() -> proto::Fence {
        proto::Fence { lease_token: TOKEN, job_id: 0 }
    }

    pub async fn observe(&self) -> proto::ObservedServer {
        let seen = self.node.observe(&self.spec.server_uuid).await.expect("the node answers");
        seen.expect("the node knows the server")
    }

    /// Applies a newer specification, and waits until the host matches it; what waits for the guest's next start.
    pub async fn apply(&mut self, change: impl FnOnce(&mut proto::ServerSpec)) -> Vec<String> {
        change(&mut self.spec);
        self.spec.generation += 1;
        self.node.apply(Self::fence(), self.spec.clone()).await.expect("the node takes it");
        let seen = until("the specification is applied", APPLY_LIMIT_S, async || {
            let seen = self.observe().await;
            assert_eq!(seen.error, "", "the node could not");
            (seen.applied_generation == self.spec.generation).then_some(seen)
        })
        .await;
        assert_eq!(seen.needs_restart, !seen.waits_for_start.is_empty());
        seen.waits_for_start
    }

    /// Carries an operation out; what the node says of it.
    pub async fn op(&self, op: Op) -> proto::DoReply {
        let request = proto::DoRequest {
            fence: Some(Self::fence()),
            op_id: format!("driver-{}", OPS.fetch_add(1, Ordering::Relaxed)),
            server_uuid: self.spec.server_uuid.clone(),
            op: Some(op),
        };
        let reply = until("the operation ends", OP_LIMIT_S, async || {
            let reply = self.node.start_op(request.clone()).await.expect("the node answers");
            (reply.state() != proto::do_reply::State::Running).then_some(reply)
        })
        .await;
        assert_eq!(reply.state(), proto::do_reply::State::Done, "{}", reply.detail);
        reply
    }
}
