//! Whether a name leads back to its address: mail servers believe only those that do (RFC 8601 section 3, `iprev`).

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};

/// For all tries of one question.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// `None` where no resolver gave an answer in time. A fresh resolver for each look, so that nothing is remembered.
pub async fn confirms(resolvers: &[SocketAddr], name: &str, address: IpAddr) -> Option<bool> {
    let resolver = resolver(resolvers)?;
    match tokio::time::timeout(LOOK_LIMIT, resolver.lookup_ip(format!("{name}."))).await {
        Ok(Ok(found)) => Some(found.iter().any(|found| found == address)),
        Ok(Err(error)) if error.is_no_records_found() => Some(false),
        Ok(Err(_)) | Err(_) => None,
    }
}

/// The system's where none is named.
fn resolver(resolvers: &[SocketAddr]) -> Option<TokioResolver> {
    if resolvers.is_empty() {
        return Resolver::builder_tokio().ok()?.build().ok();
    }
    let server = |address: &SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = connections.map(|connection| {
            let mut connection = connection;
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.into())
    };
    let config = ResolverConfig::from_parts(None, Vec::new(), resolvers.iter().map(server).collect());
    Resolver::builder_with_config(config, TokioRuntimeProvider::default()).build().ok()
}
