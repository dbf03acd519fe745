//! Template images and ISO images on their way into the node's caches: one fetch at a time for each, in the background.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use berth_proto::{self as proto, image_status};

use crate::{
    agent::Agent,
    fetch_guard::FetchError,
    image::{self, ImageDigest, ImageLimits, ImageWriter},
    iso::{self, IsoWriter},
};

#[derive(Default)]
pub struct Images {
    fetches: Mutex<HashMap<String, Fetch>>,
}

#[derive(Clone)]
enum Fetch {
    Running {
        got_bytes: u64,
        total_bytes: u64,
    },
    Failed(FetchError),
    /// Of an ISO image whose digest was not known before.
    Got(ImageDigest),
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
    if request.iso {
        return ensure_iso(agent, request);
    }
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
        Some(Fetch::Got(_)) | None => {}
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

/// What there is of a disc. Where its digest is not known, the fetch is known by its name, and what it got stays known
/// as long as the agent runs.
fn ensure_iso(agent: &Arc<Agent>, request: proto::EnsureImageRequest) -> proto::ImageStatus {
    let known = if request.digest.is_empty() { None } else { Some(iso::parse_digest(&request.digest)) };
    let known = match known.transpose() {
        Ok(known) => known,
        Err(error) => return failed(&error),
    };
    let name = known.as_ref().map_or_else(|| format!("iso {}", request.fetch_id), |digest| digest.as_str().to_owned());
    let fetch = agent.images.get(&name);
    let got = match &fetch {
        Some(Fetch::Got(digest)) => Some(digest.clone()),
        _ => known.clone(),
    };
    if let Some((digest, path)) = got.and_then(|digest| Some((digest.clone(), iso::cached(&agent.paths, &digest)?))) {
        asked_for(agent, &path);
        return ready_iso(&path, &digest);
    }
    match fetch {
        Some(Fetch::Running { got_bytes, total_bytes }) => return fetching(got_bytes, total_bytes),
        Some(Fetch::Failed(error)) => {
            agent.images.set(&name, None);
            return failed(&error);
        }
        // It was taken out of the cache since.
        Some(Fetch::Got(_)) => agent.images.set(&name, None),
        None => {}
    }
    if request.url.is_empty() {
        return proto::ImageStatus { state: image_status::State::Missing.into(), ..Default::default() };
    }
    if !request.url.starts_with("https://") {
        return failed(&FetchError::refused("an ISO image is fetched by https only"));
    }
    if agent.images.begin(&name) {
        tokio::spawn(download_iso(Arc::clone(agent), name, known, request));
    }
    fetching(0, 0)
}

async fn download_iso(
    agent: Arc<Agent>,
    name: String,
    digest: Option<ImageDigest>,
    request: proto::EnsureImageRequest,
) {
    let progress = |got_bytes, total_bytes| agent.images.set(&name, Some(Fetch::Running { got_bytes, total_bytes }));
    let order = iso::Order {
        digest: digest.as_ref(),
        fetch_id: &request.fetch_id,
        url: &request.url,
        max_bytes: request.max_bytes,
        allowed_private_hosts: &request.allowed_private_hosts,
    };
    let outcome = match iso::download(&agent.paths, order, progress).await {
        Ok(got) => Fetch::Got(got),
        Err(error) => {
            tracing::warn!(url = request.url, %error, "an ISO image could not be fetched");
            Fetch::Failed(error)
        }
    };
    agent.images.set(&name, Some(outcome));
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
    if head.iso {
        return Ok(put_iso(agent, chunks, head, data).await.unwrap_or_else(|error| failed(&error)));
    }
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

async fn put_iso(
    agent: &Agent,
    mut chunks: tonic::Streaming<proto::PutImageChunk>,
    head: proto::PutImageHead,
    first: Vec<u8>,
) -> Result<proto::ImageStatus, FetchError> {
    let digest = iso::parse_digest(&head.digest)?;
    if let Some(path) = iso::cached(&agent.paths, &digest) {
        asked_for(agent, &path);
        return Ok(ready_iso(&path, &digest));
    }
    let mut writer = IsoWriter::begin(&agent.paths, &digest, head.size_bytes)?;
    writer.write(&first)?;
    while let Some(chunk) = chunks.message().await.map_err(|status| FetchError::again(status.message()))? {
        writer.write(&chunk.data)?;
    }
    let digest = writer.finish(&agent.paths)?;
    Ok(ready_iso(&iso::path(&agent.paths, &digest), &digest))
}

/// Somebody is about to mount it.
fn asked_for(agent: &Agent, path: &std::path::Path) {
    if let Err(error) = iso::touch(path, now(agent)) {
        tracing::warn!(path = %path.display(), %error, "that an ISO image was asked for is not noted");
    }
}

fn now(agent: &Agent) -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_micros(agent.clock.now_us().unsigned_abs())
}

/// Takes discs out of the cache that nobody needs: besides those that are named, servers of the ledger keep theirs.
pub fn prune_isos(agent: &Agent, keep: Vec<String>) -> std::io::Result<iso::Pruned> {
    let in_drives = agent.ledger.all().into_iter().filter_map(|entry| entry.spec()).map(|spec| spec.iso_digest);
    let keep = keep.into_iter().chain(in_drives).filter(|digest| !digest.is_empty()).collect();
    let pruned = iso::prune(&agent.paths, &keep, now(agent))?;
    if pruned.bytes > 0 {
        tracing::info!(digests = ?pruned.digests, bytes = pruned.bytes, "ISO images that nobody needs were removed");
    }
    Ok(pruned)
}

fn ready_iso(path: &std::path::Path, digest: &ImageDigest) -> proto::ImageStatus {
    proto::ImageStatus { digest: digest.as_str().to_owned(), ..ready(path, 0, "raw") }
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
