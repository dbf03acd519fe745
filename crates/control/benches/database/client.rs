//! Clients that keep their connection and send the next request when the last was answered. They do as little as a
//! client can, because they share the processors with what is measured.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{figures::Figures, world::World};

const WARM_UP: Duration = Duration::from_secs(1);

pub struct Client {
    stream: TlsStream<TcpStream>,
    authorization: String,
    buffer: Vec<u8>,
}

pub struct Answer<'b> {
    pub status: u16,
    body: &'b [u8],
}

impl Answer<'_> {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.body).unwrap()
    }
}

impl Client {
    pub async fn connect(world: &World, address: SocketAddr) -> Self {
        let mut roots = RootCertStore::empty();
        let pem = std::fs::read(&world.certificate).unwrap();
        for certificate in rustls_pemfile::certs(&mut pem.as_slice()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        Self { stream, authorization: format!("Bearer {}", world.token), buffer: Vec::with_capacity(1 << 16) }
    }

    pub async fn send(&mut self, method: &str, path: &str, body: Option<&str>) -> Answer<'_> {
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.authorization,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
        self.buffer.clear();
        let head = loop {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server hung up: {}", String::from_utf8_lossy(&self.buffer));
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = read_head(std::str::from_utf8(&self.buffer[..head]).unwrap());
        while self.buffer.len() < head + length {
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "the server hung up");
        }
        Answer { status, body: &self.buffer[head..head + length] }
    }
}

fn read_head(head: &str) -> (u16, usize) {
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let mut length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value);
    (status, length.next_back().expect("a body of a known length").parse().unwrap())
}

/// `clients` side by side, each asking again and again; `ask` gets a number that no other call of this run gets.
pub async fn load<F>(world: &World, address: SocketAddr, clients: usize, run: Duration, ask: F) -> Figures
where
    F: AsyncFn(&mut Client, u64),
{
    let begun = Instant::now();
    let one = async |client: u64| {
        let mut connection = Client::connect(world, address).await;
        let mut times = Vec::new();
        for n in 0.. {
            let asked = Instant::now();
            if asked - begun > WARM_UP + run {
                break;
            }
            ask(&mut connection, n * clients as u64 + client).await;
            if asked - begun > WARM_UP {
                times.push(asked.elapsed());
            }
        }
        times
    };
    let times = futures::future::join_all((0..clients as u64).map(one)).await;
    Figures::new(times.into_iter().flatten().collect(), run)
}
