//! The cluster's own certificate authority: who the control server and the nodes are to each other.
//!
//! It is separate from the certificate of the web server. A certificate names cluster, role and node in a URI:
//! `berth://<cluster>/control` and `berth://<cluster>/node/<node>`; agents take no client but the first.

use std::{fs, path::Path};

use anyhow::Context as _;
use berth_store::hypervisor::NodeCertificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
    string::Ia5String,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    clock::DAY,
    nodes::{ClientIdentity, tls_name},
    random::Rng,
    start::write_private,
};

const AUTHORITY_DAYS: i64 = 3_650;
/// Nodes renew when a third of this is left.
pub const CERTIFICATE_DAYS: i64 = 365;

pub struct Pki {
    cluster: Uuid,
    authority: Issuer<'static, KeyPair>,
    pub authority_pem: String,
    pub control: ClientIdentity,
}

/// A certificate for a node, and what is remembered of it.
pub struct Signed {
    pub pem: String,
    pub row: NodeCertificate,
}

impl Pki {
    /// Reads the authority under `dir`, or makes it at first start.
    pub fn load_or_create(dir: &Path, cluster: Uuid, rng: &dyn Rng, now: i64) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let (certificate_file, key_file) = (dir.join("cluster-ca.crt"), dir.join("cluster-ca.key"));
        if !certificate_file.exists() || !key_file.exists() {
            let key = KeyPair::generate()?;
            let certificate = authority_params(cluster, rng, now)?.self_signed(&key)?;
            write_private(&key_file, key.serialize_pem().as_bytes())?;
            fs::write(&certificate_file, certificate.pem())?;
        }
        let authority_pem = fs::read_to_string(&certificate_file)?;
        let key = KeyPair::from_pem(&fs::read_to_string(&key_file)?)?;
        let authority = Issuer::from_ca_cert_pem(&authority_pem, key).context("reading the cluster's authority")?;
        let control = control_identity(cluster, &authority, &authority_pem, rng, now)?;
        Ok(Self { cluster, authority, authority_pem, control })
    }

    /// Signs a node's request. Only its key is taken from it: names, uses and times are set here.
    /// The request's signature shows that whoever made it has the key.
    pub fn sign_node(&self, request_pem: &str, node: Uuid, rng: &dyn Rng, now: i64) -> anyhow::Result<Signed> {
        let mut request = parse(request_pem)?;
        let key_sha256 = key_sha256(&request);
        let serial: [u8; 16] = rng.bytes();
        let mut params = leaf_params(&format!("node {node}"), &serial, now)?;
        params.subject_alt_names = vec![
            SanType::DnsName(Ia5String::try_from(tls_name(&node))?),
            SanType::URI(Ia5String::try_from(node_uri(self.cluster, node))?),
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        request.params = params;
        let certificate = request.signed_by(&self.authority)?;
        let row = NodeCertificate { serial: hex::encode(serial), expires_at: now + CERTIFICATE_DAYS * DAY, key_sha256 };
        Ok(Signed { pem: certificate.pem(), row })
    }
}

/// Hex of SHA-256 over the public key of a request whose signature is right.
pub fn requested_key(request_pem: &str) -> anyhow::Result<String> {
    Ok(key_sha256(&parse(request_pem)?))
}

fn parse(request_pem: &str) -> anyhow::Result<CertificateSigningRequestParams> {
    CertificateSigningRequestParams::from_pem(request_pem).context("the certificate request")
}

fn key_sha256(request: &CertificateSigningRequestParams) -> String {
    hex::encode(Sha256::digest(request.public_key.der_bytes()))
}

pub fn control_uri(cluster: Uuid) -> String {
    format!("berth://{cluster}/control")
}

pub fn node_uri(cluster: Uuid, node: Uuid) -> String {
    format!("berth://{cluster}/node/{node}")
}

/// Made anew at each start: the key never rests on disk. It is good for as long as a control server may run.
fn control_identity(
    cluster: Uuid,
    authority: &Issuer<'static, KeyPair>,
    authority_pem: &str,
    rng: &dyn Rng,
    now: i64,
) -> anyhow::Result<ClientIdentity> {
    let key = KeyPair::generate()?;
    let mut params = leaf_params("control", &rng.bytes::<16>(), now)?;
    params.not_after = at(now + AUTHORITY_DAYS * DAY)?;
    params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(control_uri(cluster))?)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, authority)?;
    Ok(ClientIdentity {
        certificate_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        authority_pem: authority_pem.to_owned(),
    })
}

fn authority_params(cluster: Uuid, rng: &dyn Rng, now: i64) -> anyhow::Result<CertificateParams> {
    let mut params = leaf_params(&format!("Berth cluster {cluster}"), &rng.bytes::<16>(), now)?;
    params.not_after = at(now + AUTHORITY_DAYS * DAY)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf_params(name: &str, serial: &[u8; 16], now: i64) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    // Clocks of nodes differ a little.
    params.not_before = at(now - DAY)?;
    params.not_after = at(now + CERTIFICATE_DAYS * DAY)?;
    params.serial_number = Some(SerialNumber::from(serial.to_vec()));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn at(micros: i64) -> anyhow::Result<time::OffsetDateTime> {
    Ok(time::OffsetDateTime::from_unix_timestamp(micros / 1_000_000)?)
}
