//! The client's true address, which allow-lists depend on.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, request::Parts},
};
use ipnet::IpNet;

/// The peer, or, where the peer is a trusted proxy, the last address in `X-Forwarded-For` that is not one.
///
/// The header is read from the right: what stands left of the first untrusted address was written by the client.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut address = peer.to_canonical();
    let values: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let mut hops = values.iter().flat_map(|value| value.split(',')).rev();
    while is_trusted(&address) {
        let Some(hop) = hops.next() else { break };
        let Some(earlier) = parse_hop(hop.trim()) else { break };
        address = earlier;
    }
    address
}

/// An address with or without a port, an IPv6 address with or without brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

/// Where a request came from.
pub fn of_request(request: &Parts, trusted: &[IpNet]) -> Option<IpAddr> {
    peer(&request.extensions).map(|peer| client_address(peer, &request.headers, trusted))
}

/// The peer of the connection, absent in tests that call the router without one.
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(socket)| socket.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_say_who_the_client_is() {
        assert_eq!(address("192.0.2.1", &["10.0.0.1"]), "192.0.2.1", "a stranger's header is not believed");
        assert_eq!(address("10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(
            address("10.0.0.1", &["198.51.100.9, 192.0.2.7, 10.0.0.2"]),
            "192.0.2.7",
            "a forged left part is ignored"
        );
        assert_eq!(address("10.0.0.1", &["198.51.100.9", "192.0.2.7"]), "192.0.2.7", "several headers are one list");
        assert_eq!(address("::ffff:10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["nonsense"]), "10.0.0.1");
    }
}
