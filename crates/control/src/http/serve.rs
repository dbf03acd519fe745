//! The TLS listener, with one's own certificate or a self-signed one made at first start.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use tokio_util::sync::CancellationToken;

use crate::{Context, config::Config, start::write_private};

/// How long requests that run may go on when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `shutdown`. `ready` is called with the address once connections are taken.
pub async fn serve(
    ctx: Context,
    shutdown: CancellationToken,
    ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> anyhow::Result<()> {
    let (certificate, key) = certificate_files(&ctx.config)?;
    let tls = RustlsConfig::from_pem_file(&certificate, &key)
        .await
        .with_context(|| format!("loading the certificate {}", certificate.display()))?;
    let handle = Handle::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            if let Some(address) = handle.listening().await {
                ready(address);
            }
            shutdown.cancelled().await;
            handle.graceful_shutdown(Some(GRACE));
        }
    });
    let service = super::router(&ctx).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum_server::bind_rustls(ctx.config.listen, tls).handle(handle);
    server.serve(service).await.with_context(|| format!("serving on {}", ctx.config.listen))
}

/// The configured certificate and key, else those under the data folder.
pub fn certificate_files(config: &Config) -> anyhow::Result<(PathBuf, PathBuf)> {
    match (&config.tls_certificate, &config.tls_key) {
        (Some(certificate), Some(key)) => Ok((certificate.clone(), key.clone())),
        (None, None) => {
            let (certificate, key) = (config.data_dir.join("tls.crt"), config.data_dir.join("tls.key"));
            if !certificate.exists() || !key.exists() {
                make_self_signed(config, &certificate, &key).context("making a self-signed certificate")?;
            }
            Ok((certificate, key))
        }
        (Some(_), None) => anyhow::bail!("tls_key must be set too: it is the key of tls_certificate"),
        (None, Some(_)) => anyhow::bail!("tls_certificate must be set too: tls_key is its key"),
    }
}

/// For the machine's name, `localhost`, the loopback addresses, the listener's address and the public one.
fn make_self_signed(config: &Config, certificate: &Path, key: &Path) -> anyhow::Result<()> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned()));
    let ip: IpAddr = config.listen.ip();
    if !ip.is_unspecified() {
        names.push(ip.to_string());
    }
    if let Some(host) = config
        .public_url
        .as_deref()
        .and_then(|url| url::Url::parse(url).ok())
        .and_then(|url| url.host_str().map(str::to_owned))
    {
        names.push(host);
    }
    names.sort();
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names)?;
    write_private(key, made.signing_key.serialize_pem().as_bytes())?;
    fs::write(certificate, made.cert.pem())?;
    Ok(())
}
