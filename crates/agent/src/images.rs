//! Template images on their way into the node's cache: one fetch at a time for each, in the background.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use berth_proto::{self as proto, image_status};

use crate::{
    agent::Agent,
    fetch_guard::FetchError,
    image::{self, ImageDigest, ImageLimits, ImageWriter},
};

#[derive(Default)]
pub struct Images {
    fetches: Mutex<HashMap<String, Fetch>>,
}

#[derive(Clone)]
enum Fetch {
    Running { got_bytes: u64, total_bytes: u64 },
    Failed(FetchError),
}

impl Images {
    fn get(&self, digest: &str) -> Option<Fetch> {
        self.fetches.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// True where nobody fetches it yet and the caller now does.
    fn begin(&self, digest: &str) -> bool {
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        if fetches.contains_key(digest) {
            return false;
        }
        fetches.insert(digest.to_owned(), Fetch::Running { got_bytes: 0, total_bytes: 0 });
        true
    }

    fn set(&self, digest: &str, fetch: Option<Fetch>) {
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        match fetch {
            Some(fetch) => fetches.insert(digest.to_owned(), fetch),
            None => fetches.remove(digest),
        };
    }
}

/// What there is of an image; where it is missing and has a URL, its download begins.
pub fn ensure(agent: &Arc<Agent>, request: proto::EnsureImageRequest) -> proto::ImageStatus {
    let digest = match ImageDigest::parse(&request.digest) {
        Ok(digest) => digest,
        Err(error) => return failed(&error),
    };
    if let Some(image) = image::cached(&agent.paths, &digest) {
        agent.images.set(&request.digest, None);
        return ready(&image.path, image.virtual_bytes, &image.format);
    }
    match agent.images.get(&request.digest) {
        Some(Fetch::Running { got_bytes, total_bytes }) => return fetching(got_bytes, total_bytes),
        Some(Fetch::Failed(error)) => {
            // Told once; the next call tries anew.
            agent.images.set(&request.digest, None);
            return failed(&error);
        }
        None => {}
    }
    if request.url.is_empty() {
        return proto::ImageStatus { state: image_status::State::Missing.into(), ..Default::default() };
    }
    if agent.images.begin(&request.digest) {
        tokio::spawn(download(Arc::clone(agent), digest, request));
    }
    fetching(0, 0)
}

async fn download(agent: Arc<Agent>, digest: ImageDigest, request: proto::EnsureImageRequest) {
    let limits = ImageLimits { bytes: request.max_bytes, virtual_bytes: request.max_virtual_bytes };
    let progress = |got_bytes, total_bytes| {
        agent.images.set(&request.digest, Some(Fetch::Running { got_bytes, total_bytes }));
    };
    let fetched =
        image::download(&agent.paths, &digest, &request.url, limits, &request.allowed_private_hosts, progress).await;
    let outcome = fetched.err().map(|error| {
        tracing::warn!(digest = request.digest, %error, "a template could not be fetched");
        Fetch::Failed(error)
    });
    agent.images.set(&request.digest, outcome);
}

/// Takes an image that the control server hands over.
pub async fn put(
    agent: &Agent,
    mut chunks: tonic::Streaming<proto::PutImageChunk>,
) -> Result<proto::ImageStatus, tonic::Status> {
    let first = chunks.message().await?;
    let Some((head, data)) = first.and_then(|chunk| Some((chunk.head?, chunk.data))) else {
        return Err(tonic::Status::invalid_argument("the first message says which image comes"));
    };
    let digest = match ImageDigest::parse(&head.digest) {
        Ok(digest) => digest,
        Err(error) => return Ok(failed(&error)),
    };
    if let Some(image) = image::cached(&agent.paths, &digest) {
        return Ok(ready(&image.path, image.virtual_bytes, &image.format));
    }
    let limits = ImageLimits { bytes: 0, virtual_bytes: head.max_virtual_bytes };
    let written = async {
        let mut writer = ImageWriter::begin(&agent.paths, &digest, head.size_bytes, limits)?;
        writer.write(&data)?;
        while let Some(chunk) = chunks.message().await.map_err(|status| FetchError::again(status.message()))? {
            writer.write(&chunk.data)?;
        }
        writer.finish().await
    };
    Ok(match written.await {
        Ok(image) => ready(&image.path, image.virtual_bytes, &image.format),
        Err(error) => failed(&error),
    })
}

fn ready(path: &std::path::Path, virtual_bytes: u64, format: &str) -> proto::ImageStatus {
    let bytes = std::fs::metadata(path).map_or(0, |meta| meta.len());
    proto::ImageStatus {
        state: image_status::State::Ready.into(),
        got_bytes: bytes,
        total_bytes: bytes,
        virtual_bytes,
        format: format.to_owned(),
        ..Default::default()
    }
}

fn fetching(got_bytes: u64, total_bytes: u64) -> proto::ImageStatus {
    proto::ImageStatus { state: image_status::State::Fetching.into(), got_bytes, total_bytes, ..Default::default() }
}

fn failed(error: &FetchError) -> proto::ImageStatus {
    proto::ImageStatus {
        state: image_status::State::Failed.into(),
        error: crate::sentence(&error.sentence),
        retry: error.retry,
        ..Default::default()
    }
}
