//! Bytes over a WebSocket of the control server, as a console's viewer exchanges them.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const READ_LIMIT_S: u64 = 30;

pub struct Socket {
    inner: WebSocketStream<TlsStream<TcpStream>>,
    unread: Vec<u8>,
}

impl Socket {
    /// `path` as the API names it; the HTTP error's text where the upgrade is refused.
    pub async fn open(base: &str, path: &str) -> Result<Self, String> {
        let authority = base.strip_prefix("https://").expect("https").to_owned();
        let tcp = TcpStream::connect(&authority).await.map_err(|e| e.to_string())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|e| e.to_string())?;
        let url = format!("wss://{authority}{path}");
        let (inner, _) = tokio_tungstenite::client_async(url, tls).await.map_err(|e| e.to_string())?;
        Ok(Self { inner, unread: Vec::new() })
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.inner.send(Message::binary(bytes.to_vec())).await.expect("the socket takes bytes");
    }

    /// The next bytes, or `None` at the end.
    async fn more(&mut self) -> Option<()> {
        loop {
            let message =
                timeout(Duration::from_secs(READ_LIMIT_S), self.inner.next()).await.expect("bytes in time")?;
            match message {
                Ok(Message::Binary(bytes)) => {
                    self.unread.extend_from_slice(&bytes);
                    return Some(());
                }
                Ok(Message::Text(text)) => {
                    self.unread.extend_from_slice(text.as_bytes());
                    return Some(());
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn read_exact(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            self.more().await.expect("more bytes before the end");
        }
        self.unread.drain(..count).collect()
    }

    /// Reads until `text` has come; everything up to and with it.
    pub async fn read_until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.unread).into_owned();
            if let Some(at) = seen.find(text) {
                let end = at + text.len();
                self.unread.drain(..end.min(self.unread.len()));
                return seen[..end].to_owned();
            }
            assert!(self.more().await.is_some(), "the console ended; seen so far: {seen:?}");
        }
    }
}

#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
