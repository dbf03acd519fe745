//! ISO images that nodes may forget: those that are neither in the library nor in a server's drive any more.

use berth_store::{hypervisor, iso};
use futures::{StreamExt, stream};

use crate::{
    Context, Error,
    nodes::{Node, NodeError},
};

/// Nodes that are told at the same time.
const AT_ONCE: usize = 8;

/// Tells every node what to keep. One that is away hears it the next time, and one of a release before knows no such
/// call: it keeps everything.
pub async fn prune(ctx: &Context) -> Result<(), Error> {
    let nodes = hypervisor::commissioned(ctx.store.read()).await?;
    let keep = iso::digests(ctx.store.read()).await?;
    let told = nodes.into_iter().map(|row| {
        let (ctx, keep) = (ctx.clone(), keep.clone());
        async move {
            let (id, name) = (row.id, row.name.clone());
            match tell(&ctx, row, keep).await {
                Ok(removed) if removed.is_empty() => {}
                Ok(removed) => tracing::info!(hypervisor = id, name, ?removed, "a node removed ISO images"),
                Err(error) => tracing::debug!(hypervisor = id, name, %error, "a node keeps its ISO images"),
            }
        }
    });
    stream::iter(told).buffer_unordered(AT_ONCE).collect::<()>().await;
    Ok(())
}

async fn tell(
    ctx: &Context,
    row: berth_store::entity::hypervisor::Model,
    keep: Vec<String>,
) -> Result<Vec<String>, NodeError> {
    Node::new(&ctx.nodes, row)?.prune_isos(keep).await
}
