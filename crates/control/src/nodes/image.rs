//! Template images on their way to a node's cache.

use berth_proto as proto;
use berth_store::entity::template;
use tokio::io::AsyncReadExt;
use tokio_stream::wrappers::ReceiverStream;

use super::{CALL_LIMIT, IMAGE_LIMIT, Node, NodeError, client::limited};
use crate::Context;

/// No template that is larger is taken; the largest official cloud images are below 2 GiB.
pub const MAX_IMAGE_BYTES: u64 = 32 << 30;
pub const MAX_VIRTUAL_BYTES: u64 = 2 << 40;
/// Chunks that are read ahead of the network.
const READ_AHEAD: usize = 4;

impl Node {
    pub async fn ensure_image(
        &self,
        ctx: &Context,
        template: &template::Model,
    ) -> Result<proto::ImageStatus, NodeError> {
        let request = proto::EnsureImageRequest {
            digest: template.image_digest.clone(),
            url: template.image_url.clone().unwrap_or_default(),
            max_bytes: MAX_IMAGE_BYTES,
            max_virtual_bytes: MAX_VIRTUAL_BYTES,
            allowed_private_hosts: ctx.config.allowed_private_hosts.clone(),
        };
        self.within(CALL_LIMIT, self.client.clone().ensure_image(limited(request, CALL_LIMIT))).await
    }

    /// Hands over an image that the control server keeps.
    pub async fn put_image(&self, ctx: &Context, template: &template::Model) -> Result<proto::ImageStatus, NodeError> {
        let path = ctx.config.templates_dir().join(image_file_name(&template.image_digest));
        let here = |error: std::io::Error| {
            NodeError::Here(format!(
                "The image of the template {} can't be read on the control server: {error}.",
                template.slug
            ))
        };
        let file = tokio::fs::File::open(&path).await.map_err(here)?;
        let size_bytes = file.metadata().await.map_err(here)?.len();
        let (sender, receiver) = tokio::sync::mpsc::channel(READ_AHEAD);
        let head = proto::PutImageHead {
            digest: template.image_digest.clone(),
            size_bytes,
            max_virtual_bytes: MAX_VIRTUAL_BYTES,
        };
        let reader = tokio::spawn(async move { send_chunks(file, head, sender).await });
        let call = self.client.clone().put_image(limited(ReceiverStream::new(receiver), IMAGE_LIMIT)).await;
        // A reader that failed cut the stream, and the node then refused a short image: the reason is the reader's.
        if let Ok(Err(error)) = reader.await {
            return Err(here(error));
        }
        call.map(tonic::Response::into_inner).map_err(|status| NodeError::from_status(&self.row.name, &status))
    }
}

async fn send_chunks(
    mut file: tokio::fs::File,
    head: proto::PutImageHead,
    sender: tokio::sync::mpsc::Sender<proto::PutImageChunk>,
) -> std::io::Result<()> {
    let mut head = Some(head);
    loop {
        let mut data = Vec::with_capacity(proto::IMAGE_CHUNK_BYTES);
        (&mut file).take(proto::IMAGE_CHUNK_BYTES as u64).read_to_end(&mut data).await?;
        let is_end = data.is_empty();
        if is_end && head.is_none() {
            return Ok(());
        }
        let chunk = proto::PutImageChunk { head: head.take(), data };
        if sender.send(chunk).await.is_err() || is_end {
            return Ok(());
        }
    }
}

/// `sha256:<hex>` as a file's name; the digest's form was checked when the template got its image.
pub fn image_file_name(digest: &str) -> String {
    format!("{}.qcow2", digest.replace(':', "-"))
}
