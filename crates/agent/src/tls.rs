//! The agent's port takes one client: the control server of its cluster.
//!
//! The handshake takes clients whose certificate the cluster's authority signed for clients; each call then looks for
//! the control server's name in it, so that no other holder of a certificate gets anywhere. A renewed certificate is
//! shown to the next connection; those that are open stay.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};
use x509_parser::{extensions::GeneralName, prelude::FromDer};

use crate::identity::Identity;

/// A client that has not shown its certificate by then is cut off.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Handshakes at once; more wait in the kernel's queue.
const HANDSHAKES: usize = 64;
/// After a failed accept (no file descriptor left, say), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The certificate that the port shows now.
#[derive(Debug)]
pub struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    pub fn new(identity: &Identity) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self(RwLock::new(certified_key(identity)?))))
    }

    pub fn replace(&self, identity: &Identity) -> anyhow::Result<()> {
        let key = certified_key(identity)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

pub fn certificates(pem: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    rustls_pemfile::certs(&mut pem.as_bytes()).collect::<Result<_, _>>().context("reading a certificate")
}

/// Fails where the key is not the certificate's.
pub fn certified_key(identity: &Identity) -> anyhow::Result<Arc<CertifiedKey>> {
    let key: PrivateKeyDer<'static> =
        rustls_pemfile::private_key(&mut identity.key_pem.as_bytes())?.context("the node's key is missing")?;
    let chain = certificates(&identity.certificate_pem)?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &provider()).context("the node's certificate and key")?))
}

pub fn authority(identity: &Identity) -> anyhow::Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&identity.authority_pem)? {
        roots.add(certificate).context("the cluster's authority")?;
    }
    Ok(Arc::new(roots))
}

/// Connections of clients with a certificate of the cluster, as they finish their handshakes; it ends with its
/// receiver.
pub fn incoming(
    listener: TcpListener,
    identity: &Identity,
    shown: Arc<Shown>,
) -> anyhow::Result<ReceiverStream<std::io::Result<TlsStream<TcpStream>>>> {
    let clients = WebPkiClientVerifier::builder_with_provider(authority(identity)?, provider()).build()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (ready, stream) = mpsc::channel(HANDSHAKES);
    tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), ready));
    Ok(ReceiverStream::new(stream))
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<std::io::Result<TlsStream<TcpStream>>>,
) {
    let slots = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _slot = slot;
            // Delays small frames where it fails, nothing else.
            let _ = stream.set_nodelay(true);
            match tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(ready.send(Ok(stream)).await),
                Ok(Err(error)) => tracing::info!(%peer, %error, "a client was refused"),
                Err(_) => tracing::info!(%peer, "a client did not finish its handshake in time"),
            }
        });
    }
}

/// Lets calls pass whose client is the control server of this cluster.
pub fn only_control(cluster_uuid: &str) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + use<> {
    let wanted = format!("berth://{cluster_uuid}/control");
    move |request| {
        let certificates = request.peer_certs();
        let leaf = certificates.as_ref().and_then(|certificates| certificates.first());
        if leaf.is_some_and(|leaf| names(leaf, &wanted)) {
            Ok(request)
        } else {
            Err(Status::permission_denied("only the control server of this node's cluster is served"))
        }
    }
}

fn names(certificate: &[u8], wanted: &str) -> bool {
    let Ok((_, certificate)) = x509_parser::certificate::X509Certificate::from_der(certificate) else { return false };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    names.value.general_names.iter().any(|name| matches!(name, GeneralName::URI(uri) if *uri == wanted))
}

#[cfg(test)]
mod tests;
