//! A publisher of images: a small HTTP server that can cut a download off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves one file for every request until it is dropped.
pub struct Publisher {
    pub url: String,
    /// Of the next answers, so many end in the middle.
    cuts: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Publisher {
    pub async fn of(body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/image.qcow2", listener.local_addr().expect("an address"));
        let cuts = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn({
            let (body, cuts) = (Arc::new(body), cuts.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, body.clone(), cuts.clone()));
                }
            }
        });
        Self { url, cuts, task }
    }

    pub fn cut(&self, answers: usize) {
        self.cuts.store(answers, Ordering::SeqCst);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, body: Arc<Vec<u8>>, cuts: Arc<AtomicUsize>) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let cut = cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
    let part = if cut { &body[..body.len() / 2] } else { &body[..] };
    // The other side may go at any time: that is what is tested.
    if stream.write_all(head.as_bytes()).await.is_ok() {
        stream.write_all(part).await.ok();
        stream.shutdown().await.ok();
    }
}
