//! The certificate that the port shows, before and after a renewal.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsConnector, client};
use tokio_stream::StreamExt;

use super::*;
use crate::identity::Names;

const NAME: &str = "a.node.berth";

struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    fn identity(&self, usage: ExtendedKeyUsagePurpose) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        Identity {
            certificate_pem: params.signed_by(&key, &self.0).unwrap().pem(),
            key_pem: key.serialize_pem(),
            authority_pem: self.1.clone(),
            names: Names { node_uuid: "a".into(), cluster_uuid: "c".into(), control_url: String::new() },
        }
    }
}

async fn connect(address: std::net::SocketAddr, client: &Identity) -> client::TlsStream<TcpStream> {
    let key = certified_key(client).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority(client).unwrap())
        .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(NAME).unwrap(), stream).await.unwrap()
}

fn shown_to(stream: &client::TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_from_then_on_and_open_connections_stay() {
    let authority = Authority::new();
    let (old, new) = (
        authority.identity(ExtendedKeyUsagePurpose::ServerAuth),
        authority.identity(ExtendedKeyUsagePurpose::ServerAuth),
    );
    let client = authority.identity(ExtendedKeyUsagePurpose::ClientAuth);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shown = Shown::new(&old).unwrap();
    let mut incoming = incoming(listener, &old, Arc::clone(&shown)).unwrap();

    let mut before = connect(address, &client).await;
    let mut served = incoming.next().await.unwrap().unwrap();
    assert_eq!(shown_to(&before), certificates(&old.certificate_pem).unwrap()[0]);

    shown.replace(&new).unwrap();
    let after = connect(address, &client).await;
    assert_eq!(shown_to(&after), certificates(&new.certificate_pem).unwrap()[0]);
    before.write_all(b"still here").await.unwrap();
    let mut heard = [0; 10];
    served.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");

    let mixed = Identity { key_pem: old.key_pem.clone(), ..new };
    assert!(shown.replace(&mixed).is_err(), "a certificate with another's key was taken");
}
