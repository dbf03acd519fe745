//! Joining a cluster: a one-time token against a certificate; and later the known key against the next one.
//!
//! The token ends with the fingerprint of the control server's web certificate, and the node talks to nobody else:
//! no authority of the web is asked.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    clock::{Clock, SystemClock},
    config::AgentConfig,
    facts,
    identity::{Identity, Names, write},
    probe::AcceleratorFact,
    tls,
};

const LIMIT: Duration = Duration::from_secs(30);

/// Where to join, and how the control server will reach this node.
pub struct Joining<'a> {
    /// `https://host:port`.
    pub control_url: &'a str,
    pub token: &'a str,
    pub address: std::net::IpAddr,
}

#[derive(Serialize)]
struct Request<'a> {
    token: &'a str,
    csr_pem: String,
    hostname: &'a str,
    address: String,
    port: u16,
    facts: Value,
}

#[derive(Deserialize)]
struct Answer {
    certificate_pem: String,
    ca_pem: String,
    node_uuid: String,
    cluster_uuid: String,
}

/// Joins, and keeps the identity under the agent's data folder.
pub async fn enrol(
    config: &AgentConfig,
    joining: &Joining<'_>,
    accelerator: &AcceleratorFact,
) -> anyhow::Result<Identity> {
    config.paths().ensure_dirs()?;
    let dir = config.identity_dir();
    let key = pending_key(&dir)?;
    let facts = facts::gather(config, &config.paths(), accelerator, String::new()).await;
    let request = Request {
        token: joining.token,
        csr_pem: CertificateParams::default().serialize_request(&key)?.pem()?,
        hostname: &facts.hostname,
        address: joining.address.to_string(),
        port: config.listen.port(),
        facts: facts_json(&facts),
    };
    let answer = post(joining, &request).await?;
    let identity = Identity {
        certificate_pem: answer.certificate_pem,
        key_pem: key.serialize_pem(),
        authority_pem: answer.ca_pem,
        names: Names {
            node_uuid: answer.node_uuid,
            cluster_uuid: answer.cluster_uuid,
            control_url: joining.control_url.trim_end_matches('/').to_owned(),
        },
    };
    identity.save(&dir).with_context(|| format!("keeping the identity in {}", dir.display()))?;
    Ok(identity)
}

/// The key is made once, so that a joining that is repeated after a kill is the same node's.
fn pending_key(dir: &Path) -> anyhow::Result<KeyPair> {
    std::fs::create_dir_all(dir)?;
    if let Ok(pem) = std::fs::read_to_string(dir.join("node.key")) {
        return Ok(KeyPair::from_pem(&pem)?);
    }
    let key = KeyPair::generate()?;
    write(dir, "node.key", key.serialize_pem().as_bytes())?;
    Ok(key)
}

async fn post(joining: &Joining<'_>, request: &Request<'_>) -> anyhow::Result<Answer> {
    let (_, fingerprint) = joining.token.rsplit_once('.').context("the token has no fingerprint; copy it whole")?;
    let pinned = Server { fingerprint: Some(fingerprint.to_lowercase()), provider: tls::provider() };
    ask(&format!("{}/node/enrol", joining.control_url.trim_end_matches('/')), pinned, request).await
}

#[derive(Serialize)]
struct Renewal<'a> {
    node_uuid: &'a str,
    csr_pem: String,
}

/// A new certificate for the node's key. Nothing secret is sent, and the answer is worth something only when the
/// cluster's authority, which the node knows, has signed it for this node and this key; so it does not matter who
/// answers.
pub async fn renew(identity: &Identity) -> anyhow::Result<Identity> {
    let key = KeyPair::from_pem(&identity.key_pem).context("the node's key")?;
    let request = Renewal {
        node_uuid: &identity.names.node_uuid,
        csr_pem: CertificateParams::default().serialize_request(&key)?.pem()?,
    };
    let anybody = Server { fingerprint: None, provider: tls::provider() };
    let answer = ask(&format!("{}/node/renew", identity.names.control_url), anybody, &request).await?;
    let renewed = Identity { certificate_pem: answer.certificate_pem, ..identity.clone() };
    check(&renewed)?;
    Ok(renewed)
}

/// Signed by the authority, of this node, of its key, and not ended.
fn check(identity: &Identity) -> anyhow::Result<()> {
    tls::certified_key(identity)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(tls::authority(identity)?, tls::provider()).build()?;
    let leaf = tls::certificates(&identity.certificate_pem)?;
    let leaf = leaf.first().context("the answer holds no certificate")?;
    let name = ServerName::try_from(format!("{}.node.berth", identity.names.node_uuid))?;
    verifier.verify_server_cert(leaf, &[], &name, &[], now()).context("the certificate in the answer")?;
    Ok(())
}

fn now() -> UnixTime {
    let seconds = u64::try_from(SystemClock.now_us() / 1_000_000).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

async fn ask(url: &str, server: Server, request: &impl Serialize) -> anyhow::Result<Answer> {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&server.provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(server))
        .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).timeout(LIMIT).build()?;
    let response = client.post(url).json(request).send().await.with_context(|| format!("asking {url}"))?;
    let status = response.status();
    if !status.is_success() {
        let body: Value = response.json().await.unwrap_or_default();
        let why = body["errors"][0]
            .as_str()
            .or(body["msg"].as_str())
            .or(body["message"].as_str())
            .unwrap_or("no reason was given");
        anyhow::bail!("the control server did not take this node ({status}): {why}");
    }
    response.json().await.context("the control server's answer")
}

/// As the control server keeps it in the hypervisor's row.
fn facts_json(facts: &berth_proto::NodeFacts) -> Value {
    let storage: Vec<Value> = facts
        .storage
        .iter()
        .map(|root| serde_json::json!({ "path": root.path, "totalBytes": root.total_bytes, "freeBytes": root.free_bytes, "default": root.is_default }))
        .collect();
    let networks = facts.networks.iter().map(|of| {
        let berth_proto::NodeNetwork { bridge, mtu, exists, nat, routed, vlans, openvswitch, trouble } = of;
        serde_json::json!({ "bridge": bridge, "mtu": mtu, "exists": exists, "nat": nat, "routed": routed, "vlans": vlans,
            "openvswitch": openvswitch, "trouble": trouble })
    });
    let networks: Vec<Value> = networks.collect();
    serde_json::json!({
        "hostname": facts.hostname, "arch": facts.arch, "cpuCores": facts.cpu_cores, "memoryMib": facts.memory_mib,
        "accelerator": facts.accelerator, "acceleratorDetail": facts.accelerator_detail, "qemuVersion": facts.qemu_version,
        "kernelVersion": facts.kernel_version, "cpuModel": facts.cpu_model, "storage": storage, "networks": networks,
        "instance": facts.instance, "dataDir": facts.data_dir, "bridgePrefix": facts.bridge_prefix,
    })
}

/// Which control server is talked to: the one whose certificate has this fingerprint, or, where the answer proves
/// itself, whoever is there.
#[derive(Debug)]
struct Server {
    fingerprint: Option<String>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Server {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.fingerprint.as_ref().is_none_or(|wanted| hex::encode(Sha256::digest(certificate)) == *wanted) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("this is not the control server that made the token".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
