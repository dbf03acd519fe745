//! Asks a server's node whether it would take what is about to be kept: the one door besides the console's that waits
//! for a node, since its words are the answer.

use crate::{
    Context, Error,
    actions::trial::Trial,
    nodes::{Node, NodeError},
};

/// `what` begins the sentence of a refusal: "The custom XML".
pub async fn judge(ctx: &Context, trial: &Trial, what: &str) -> Result<(), Error> {
    if trial.specs.is_empty() {
        return Ok(());
    }
    let node = Node::new(&ctx.nodes, trial.hypervisor.clone()).map_err(away)?;
    for spec in &trial.specs {
        if let Some(why) = node.validate(spec.clone()).await.map_err(away)? {
            return Err(Error::invalid(format!("{what} is refused: {why}")));
        }
    }
    Ok(())
}

/// Without the node nobody can say whether it would be taken.
fn away(error: NodeError) -> Error {
    Error::Unavailable(error.to_string())
}
