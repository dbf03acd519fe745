//! Keeps downloads away from what only this machine and its network may reach.
//!
//! A URL is given by people, and a server can redirect, so that without a guard the agent, which is root inside of a
//! hoster's network, would fetch from loopback, from the metadata service of a cloud or from a neighbour's
//! management port. Refused are loopback, link-local, private, shared, reserved and multicast addresses of both
//! families, also where IPv4 hides in IPv6; for every redirect anew, and after the name is resolved: the connection
//! then goes to the very address that was checked, whatever the name resolves to a moment later. Hosts that the
//! owner of the control server lists may be private.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url};

/// Publishers redirect to a mirror, and the mirror perhaps to its storage.
const REDIRECT_LIMIT: usize = 5;
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Without a byte for this long a server is gone.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Why nothing is fetched, as a sentence, and whether trying again can help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError {
    pub sentence: String,
    pub retry: bool,
}

impl FetchError {
    pub fn refused(sentence: impl Into<String>) -> FetchError {
        FetchError { sentence: sentence.into(), retry: false }
    }

    pub fn again(sentence: impl Into<String>) -> FetchError {
        FetchError { sentence: sentence.into(), retry: true }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for FetchError {}

/// Opens `url` and follows its redirects, each checked anew. The answer is a 200 whose body has not been read.
pub async fn get(url: &str, allowed_private_hosts: &[String]) -> Result<Response, FetchError> {
    let mut url = parse(url)?;
    for _ in 0..=REDIRECT_LIMIT {
        let response = open(&url, allowed_private_hosts).await?;
        if !response.status().is_redirection() {
            return answer(response, &url);
        }
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| FetchError::refused(format!("{url} redirects to nowhere")))?;
        let next = url.join(location).map_err(|_| FetchError::refused(format!("{url} redirects to no URL")))?;
        if url.scheme() == "https" && next.scheme() != "https" {
            return Err(FetchError::refused(format!("{url} redirects from https to http")));
        }
        url = parse(next.as_str())?;
    }
    Err(FetchError::refused(format!("more than {REDIRECT_LIMIT} redirects, the last one to {url}")))
}

fn parse(url: &str) -> Result<Url, FetchError> {
    let url = Url::parse(url).map_err(|error| FetchError::refused(format!("{url:?} is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::refused(format!("{url} is neither http nor https")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FetchError::refused("a URL with a user name or a password in it is not fetched"));
    }
    Ok(url)
}

/// One request, without redirects, to an address that was checked.
async fn open(url: &Url, allowed_private_hosts: &[String]) -> Result<Response, FetchError> {
    let host = url.host_str().ok_or_else(|| FetchError::refused(format!("{url} names no host")))?;
    let addresses = checked_addresses(url, host, allowed_private_hosts).await?;
    let client = client(host, &addresses)?;
    client.get(url.clone()).send().await.map_err(|error| FetchError::again(format!("{url}: {}", root_cause(&error))))
}

/// The addresses of the host that may be connected to, none of which is refused.
async fn checked_addresses(
    url: &Url,
    host: &str,
    allowed_private_hosts: &[String],
) -> Result<Vec<SocketAddr>, FetchError> {
    let port = url.port_or_known_default().unwrap_or(443);
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let lookup = tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((name, port))).await;
    let unresolved = |why: String| FetchError::again(format!("the name {name} could not be resolved: {why}"));
    let addresses: Vec<SocketAddr> = match lookup {
        Err(_) => return Err(unresolved(format!("no answer within {} s", RESOLVE_TIMEOUT.as_secs()))),
        Ok(Err(error)) => return Err(unresolved(error.to_string())),
        Ok(Ok(addresses)) => addresses.collect(),
    };
    if addresses.is_empty() {
        return Err(unresolved("it has no address".into()));
    }
    // The port may be named too: "mirror.lan:8080" allows less than "mirror.lan".
    let allowed = allowed_private_hosts.iter().any(|entry| {
        let entry = entry.trim().to_ascii_lowercase();
        entry == host || entry == name || entry == format!("{host}:{port}")
    });
    if allowed {
        return Ok(addresses);
    }
    // One bad address among good ones refuses the name: which one is connected to would be a matter of chance.
    match addresses.iter().find(|address| !is_public(address.ip())) {
        Some(address) => Err(FetchError::refused(format!(
            "{url} is refused: {} is not an address of the public internet, and {name} is not on the list of allowed \
             private hosts",
            address.ip()
        ))),
        None => Ok(addresses),
    }
}

fn client(host: &str, addresses: &[SocketAddr]) -> Result<Client, FetchError> {
    // The provider of the process where there is one; a second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // An address of the host's environment, not of the one who gave the URL.
        .no_proxy()
        .resolve_to_addrs(host, addresses)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .user_agent(concat!("berth/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| FetchError::again(format!("no HTTP client could be made: {}", root_cause(&error))))
}

fn answer(response: Response, url: &Url) -> Result<Response, FetchError> {
    match response.status() {
        StatusCode::OK => Ok(response),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::refused(format!("{url} was not found there"))),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(FetchError::again(format!("{url}: the server answered {status}")))
        }
        status => Err(FetchError::refused(format!("{url}: the server answered {status}"))),
    }
}

/// Errors of HTTP clients wrap one another; the innermost says what happened.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Whether the address belongs to the public internet. Everything that is not clearly so is refused.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// After IANA's registry of special-purpose addresses (RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private, loopback, and from 224 on multicast, reserved and broadcast.
        (0 | 10 | 127 | 224.., _, _) => true,
        // Shared by carriers (RFC 6598); Alibaba's metadata service is in it.
        (100, 64..=127, _) => true,
        // Link-local, with the metadata service of most clouds.
        (169, 254, _) => true,
        (172, 16..=31, _) | (192, 168, _) => true,
        // Assigned for protocols, documentation, 6to4 relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let Some(v4) = hidden_v4(segments) {
        return is_public_v4(v4);
    }
    // Global unicast is 2000::/3; in it documentation, and 2001::/23 with Teredo and other protocols.
    let documentation =
        (segments[0] == 0x2001 && segments[1] == 0xdb8) || segments[0] == 0x3fff && segments[1] < 0x1000;
    let protocols = segments[0] == 0x2001 && segments[1] < 0x200;
    segments[0] & 0xe000 == 0x2000 && !documentation && !protocols
}

/// The IPv4 address inside of an IPv6 address: mapped `::ffff:0:0/96`, compatible `::/96`, translated
/// `64:ff9b::/96` (RFC 6052), 6to4 `2002::/16`.
fn hidden_v4(segments: [u16; 8]) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t06_addresses_that_are_not_of_the_public_internet_are_known() {
        for private in [
            "127.0.0.1",
            "127.8.9.10",
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:0:1::1",
            "2001:db8::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1", "::ffff:1.1.1.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn t06_names_and_forms_of_private_addresses_are_refused_before_a_connection() {
        for url in [
            "http://localhost/x",
            "http://127.1/x",
            "http://2130706433/x",
            "http://0x7f.1/x",
            "http://[::1]/x",
            "http://[::ffff:10.0.0.1]/x",
            "https://169.254.169.254/latest/meta-data/",
        ] {
            let error = get(url, &[]).await.unwrap_err();
            assert!(error.sentence.contains("is refused") && !error.retry, "{url}: {error}");
        }
        for url in ["file:///etc/passwd", "ftp://x/y", "gopher://x", "nonsense", "http://user:pass@1.1.1.1/"] {
            assert!(!get(url, &[]).await.unwrap_err().retry, "{url}");
        }
    }

    #[test]
    fn the_list_of_allowed_hosts_is_by_name_and_by_port() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let url = Url::parse("http://127.0.0.1:81/").unwrap();
            let try_list = |list: &'static str| {
                let url = url.clone();
                async move { checked_addresses(&url, "127.0.0.1", &[list.into()]).await.is_ok() }
            };
            assert!(try_list("127.0.0.1").await);
            assert!(try_list("127.0.0.1:81").await);
            assert!(!try_list("127.0.0.1:82").await);
            assert!(!try_list("127.0.0.2").await);
        });
    }
}
