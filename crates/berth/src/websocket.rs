//! A WebSocket to the control server over the same trust settings as its HTTP client.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;

use crate::client::Client;

const OPEN_LIMIT_S: u64 = 15;

/// Either kind of connection below a WebSocket.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// `path` as the API names it, relative to the server's address.
pub async fn open(client: &Client, path: &str) -> anyhow::Result<WebSocketStream<Box<dyn Wire>>> {
    let limit = Duration::from_secs(OPEN_LIMIT_S);
    timeout(limit, connect(client, path)).await.context("the console did not open in time")?
}

async fn connect(client: &Client, path: &str) -> anyhow::Result<WebSocketStream<Box<dyn Wire>>> {
    let mut url = client.base().join(path)?;
    let host = url.host_str().context("no host in the address")?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().context("no port in the address")?;
    let tcp = TcpStream::connect((host.as_str(), port)).await?;
    tcp.set_nodelay(true)?;
    let secure = url.scheme() == "https";
    let wire: Box<dyn Wire> = if secure {
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client.tls().clone()));
        Box::new(connector.connect(ServerName::try_from(host)?, tcp).await?)
    } else {
        Box::new(tcp)
    };
    url.set_scheme(if secure { "wss" } else { "ws" }).ok().context("the address is not HTTP")?;
    let (socket, _) = tokio_tungstenite::client_async(url.as_str(), wire).await?;
    Ok(socket)
}
