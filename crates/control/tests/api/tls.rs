//! The certificate that clients of the API see: one's own with its chain, and what is said of half a setting.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use berth_control::{config::Config, http};
use berth_store::testing::Database;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio_util::sync::CancellationToken;

use crate::app::App;

const NAME: &str = "panel.example.test";

/// A root, what it signed, and what that signed: as most certificates that are bought.
struct Bought {
    root: CertificateDer<'static>,
    /// Leaf first.
    chain: Vec<CertificateDer<'static>>,
    pem: String,
    key_pem: String,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn bought() -> Bought {
    let (root_key, between_key, key) =
        (KeyPair::generate().unwrap(), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = authority("Root").self_signed(&root_key).unwrap();
    let by_root = Issuer::new(authority("Root"), root_key);
    let between = authority("Between").signed_by(&between_key, &by_root).unwrap();
    let by_between = Issuer::new(authority("Between"), between_key);
    let leaf = CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &by_between).unwrap();
    Bought {
        root: root.der().clone(),
        chain: vec![leaf.der().clone(), between.der().clone()],
        pem: leaf.pem() + &between.pem(),
        key_pem: key.serialize_pem(),
    }
}

/// What a client is shown that trusts the root alone.
async fn shown(address: SocketAddr, root: CertificateDer<'static>) -> Vec<CertificateDer<'static>> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(NAME.try_into().unwrap(), stream).await.unwrap();
    let certificates = stream.get_ref().1.peer_certificates().unwrap();
    certificates.iter().map(|certificate| certificate.clone().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_see_the_certificate_that_is_configured_with_its_chain() {
    let bought = bought();
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
    std::fs::write(&certificate, &bought.pem).unwrap();
    std::fs::write(&key, &bought.key_pem).unwrap();
    let app = App::start_with(Database::sqlite(), |config| Config {
        tls_certificate: Some(certificate),
        tls_key: Some(key),
        listen: "127.0.0.1:0".parse().unwrap(),
        ..config
    })
    .await;
    let (tell, told) = tokio::sync::oneshot::channel();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(http::serve(app.ctx.clone(), shutdown.clone(), |address| tell.send(address).unwrap()));
    let address = told.await.unwrap();
    assert_eq!(shown(address, bought.root).await, bought.chain);
    assert!(!app.ctx.config.data_dir.join("tls.crt").exists(), "and no other is made");
    shutdown.cancel();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn half_of_a_certificate_is_refused_by_the_name_of_what_lacks() {
    let app = App::start(Database::sqlite()).await;
    let file = || Some(PathBuf::from("/etc/ssl/example.pem"));
    for (certificate, key, lacks) in [(file(), None, "tls_key must"), (None, file(), "tls_certificate must")] {
        let config = Config { tls_certificate: certificate, tls_key: key, ..(*app.ctx.config).clone() };
        let ctx = berth_control::Context { config: Arc::new(config), ..app.ctx.clone() };
        let served = http::serve(ctx, CancellationToken::new(), |_| panic!("it serves")).await;
        let why = served.unwrap_err().to_string();
        assert!(why.starts_with(lacks), "{why}");
    }
    assert!(!app.ctx.config.data_dir.join("tls.crt").exists(), "none is made in its stead");
}
