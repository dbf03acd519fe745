//! Template images and ISO images on their way to a node's caches.

use std::path::Path;

use berth_proto as proto;
use berth_store::entity::{iso, template};
use tokio::io::AsyncReadExt;
use tokio_stream::wrappers::ReceiverStream;

use super::{CALL_LIMIT, IMAGE_LIMIT, Node, NodeError, client::limited};
use crate::{Context, actions::isos::MAX_ISO_BYTES};

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
            iso: false,
            fetch_id: String::new(),
        };
        self.within(CALL_LIMIT, self.client.clone().ensure_image(limited(request, CALL_LIMIT))).await
    }

    /// The same for a disc; where its digest is not known, the node says it.
    pub async fn ensure_iso(&self, ctx: &Context, iso: &iso::Model) -> Result<proto::ImageStatus, NodeError> {
        let request = proto::EnsureImageRequest {
            digest: iso.digest.clone(),
            url: iso.url.clone().unwrap_or_default(),
            max_bytes: MAX_ISO_BYTES,
            max_virtual_bytes: 0,
            allowed_private_hosts: ctx.config.allowed_private_hosts.clone(),
            iso: true,
            fetch_id: iso.uuid.to_string(),
        };
        self.within(CALL_LIMIT, self.client.clone().ensure_image(limited(request, CALL_LIMIT))).await
    }

    /// Hands over an image that the control server keeps.
    pub async fn put_image(&self, ctx: &Context, template: &template::Model) -> Result<proto::ImageStatus, NodeError> {
        let path = ctx.config.templates_dir().join(image_file_name(&template.image_digest));
        let head = proto::PutImageHead {
            digest: template.image_digest.clone(),
            size_bytes: 0,
            max_virtual_bytes: MAX_VIRTUAL_BYTES,
            iso: false,
        };
        self.put(&path, head, &format!("The image of the template {}", template.slug)).await
    }

    /// Hands over a disc that the control server keeps.
    pub async fn put_iso(&self, ctx: &Context, iso: &iso::Model) -> Result<proto::ImageStatus, NodeError> {
        let path = ctx.config.isos_dir().join(iso_file_name(&iso.digest));
        let head = proto::PutImageHead { digest: iso.digest.clone(), size_bytes: 0, max_virtual_bytes: 0, iso: true };
        self.put(&path, head, &format!("The file of the ISO {}", iso.id)).await
    }

    /// `what` begins the sentence where the file can't be read.
    async fn put(
        &self,
        path: &Path,
        mut head: proto::PutImageHead,
        what: &str,
    ) -> Result<proto::ImageStatus, NodeError> {
        let here =
            |error: std::io::Error| NodeError::Here(format!("{what} can't be read on the control server: {error}."));
        let file = tokio::fs::File::open(path).await.map_err(here)?;
        head.size_bytes = file.metadata().await.map_err(here)?.len();
        let (sender, receiver) = tokio::sync::mpsc::channel(READ_AHEAD);
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

/// The same of a disc.
pub fn iso_file_name(digest: &str) -> String {
    format!("{}.iso", digest.replace(':', "-"))
}
