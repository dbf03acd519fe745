//! What a new node needs and has not yet: the script that makes a machine a node, and the program that runs there, which
//! is this one.
//!
//! Both are given to anybody. They hold no secret, and a node that is brought up to date has no token any more; what lets
//! a machine in is the one-time token, which the program on it shows later. Requests are counted like those of every
//! stranger, and few downloads run at once.

use std::{fs::File, io::Read, sync::Arc};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use sha2::{Digest, Sha256};
use tokio::{
    io::AsyncReadExt,
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
};

use super::node::Caller;
use crate::{Context, Error};

const SCRIPT: &str = include_str!("../../../../packaging/install-node.sh");
/// The program of this process, also when an upgrade has put another in its place.
const PROGRAM: &str = "/proc/self/exe";
/// A program that is larger is none of ours.
const PROGRAM_LIMIT_BYTES: u64 = 512 << 20;
/// Downloads that run at once; the next is told to come again.
const DOWNLOADS: usize = 16;
const COME_AGAIN_S: u64 = 10;
const CHUNK_BYTES: usize = 256 << 10;

/// This process's own program, looked at when it is first asked for.
pub struct Program {
    facts: OnceCell<Facts>,
    downloads: Arc<Semaphore>,
}

#[derive(Clone, Debug)]
struct Facts {
    bytes: u64,
    sha256: String,
}

impl Default for Program {
    fn default() -> Self {
        Self { facts: OnceCell::new(), downloads: Arc::new(Semaphore::new(DOWNLOADS)) }
    }
}

impl Program {
    async fn facts(&self) -> Result<&Facts, Error> {
        let look = || async { tokio::task::spawn_blocking(look).await.map_err(anyhow::Error::from)? };
        Ok(self.facts.get_or_try_init(look).await?)
    }
}

fn look() -> anyhow::Result<Facts> {
    let mut file = File::open(PROGRAM).context("reading this program")?;
    let bytes = file.metadata()?.len();
    anyhow::ensure!(bytes <= PROGRAM_LIMIT_BYTES, "this program is larger than {PROGRAM_LIMIT_BYTES} bytes");
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK_BYTES]);
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(Facts { bytes, sha256: hex::encode(hash.finalize()) });
        }
        hash.update(&chunk[..read]);
    }
}

pub fn router() -> Router<Context> {
    Router::new()
        .route("/node/install.sh", get(script))
        .route("/node/agent.sha256", get(checksum))
        .route("/node/agent", get(program))
}

async fn script(_: Caller) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8")], SCRIPT)
}

/// As `sha256sum` writes it: the checksum and a name with version and machine.
async fn checksum(State(ctx): State<Context>, _: Caller) -> Result<String, Error> {
    let facts = ctx.program.facts().await?;
    Ok(format!("{}  berth-{}-{}\n", facts.sha256, env!("CARGO_PKG_VERSION"), std::env::consts::ARCH))
}

async fn program(State(ctx): State<Context>, _: Caller) -> Result<Response, Error> {
    let facts = ctx.program.facts().await?;
    let place = Arc::clone(&ctx.program.downloads).try_acquire_owned();
    let place = place.map_err(|_| Error::TooMany { retry_after_s: COME_AGAIN_S })?;
    let file = tokio::fs::File::open(PROGRAM).await.map_err(anyhow::Error::from)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(facts.bytes));
    Ok((headers, Body::from_stream(stream::unfold((file, place), next_chunk))).into_response())
}

async fn next_chunk(
    (mut file, place): (tokio::fs::File, OwnedSemaphorePermit),
) -> Option<(std::io::Result<Vec<u8>>, (tokio::fs::File, OwnedSemaphorePermit))> {
    let mut chunk = vec![0; CHUNK_BYTES];
    match file.read(&mut chunk).await {
        Ok(0) => None,
        Ok(read) => {
            chunk.truncate(read);
            Some((Ok(chunk), (file, place)))
        }
        Err(error) => Some((Err(error), (file, place))),
    }
}
