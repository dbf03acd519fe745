//! The agent's port takes one client: the control server of its cluster.
//!
//! The handshake takes clients whose certificate the cluster's authority signed for clients; each call then looks for
//! the control server's name in it, so that no other holder of a certificate gets anywhere.

use tonic::{
    Request, Status,
    transport::{Certificate, Identity as TlsIdentity, ServerTlsConfig},
};
use x509_parser::{extensions::GeneralName, prelude::FromDer};

use crate::identity::Identity;

pub fn config(identity: &Identity) -> ServerTlsConfig {
    ServerTlsConfig::new()
        .identity(TlsIdentity::from_pem(&identity.certificate_pem, &identity.key_pem))
        .client_ca_root(Certificate::from_pem(&identity.authority_pem))
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
