//! The node's certificate is renewed when a third of its life is left, and shown from then on. A node that was away
//! for longer than its certificate lived renews at its start.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::FromDer;

use crate::{agent::Agent, enrol, identity::Identity, tls};

/// How often the certificate is looked at, and a renewal that failed is tried again.
const LOOK: Duration = Duration::from_secs(3600);

/// Until `shutdown`.
pub async fn run(agent: Arc<Agent>, mut identity: Identity, shown: Arc<tls::Shown>, shutdown: CancellationToken) {
    loop {
        match renewed(&identity, agent.clock.now_us()).await {
            Ok(Some(new)) => {
                let kept = new.save(&agent.config.identity_dir());
                if let Err(error) = kept.map_err(anyhow::Error::from).and_then(|()| shown.replace(&new)) {
                    tracing::error!(%error, "the renewed certificate could not be kept");
                } else {
                    tracing::info!("the node's certificate was renewed");
                    identity = new;
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the node's certificate was not renewed"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// A new identity where the certificate is due.
pub async fn renewed(identity: &Identity, now_us: i64) -> anyhow::Result<Option<Identity>> {
    if !is_due(&identity.certificate_pem, now_us / 1_000_000)? {
        return Ok(None);
    }
    enrol::renew(identity).await.map(Some)
}

/// Whether less than a third of the certificate's life is left; seconds since 1970.
fn is_due(certificate_pem: &str, now_s: i64) -> anyhow::Result<bool> {
    let chain = tls::certificates(certificate_pem)?;
    let leaf = chain.first().context("the node has no certificate")?;
    let (_, leaf) = x509_parser::certificate::X509Certificate::from_der(leaf)?;
    let (from, to) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
    Ok(to - now_s < (to - from) / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_S: i64 = 86_400;

    #[test]
    fn a_certificate_is_due_when_a_third_of_its_life_is_left() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 1, 31);
        let pem = params.self_signed(&key).unwrap().pem();
        let first = 1_767_225_600; // 2026-01-01
        assert!(!is_due(&pem, first).unwrap());
        assert!(!is_due(&pem, first + 19 * DAY_S).unwrap());
        assert!(is_due(&pem, first + 21 * DAY_S).unwrap());
        assert!(is_due(&pem, first + 400 * DAY_S).unwrap(), "one that has ended is due still");
        assert!(is_due("no certificate", first).is_err());
    }
}
