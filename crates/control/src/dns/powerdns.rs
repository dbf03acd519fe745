//! PowerDNS, through its HTTP API: <https://doc.powerdns.com/authoritative/http-api/>.

use std::time::Duration;

use berth_store::entity::{dns_service, rdns_zone};
use serde_json::{Value, json};

use crate::{Context, Error};

/// For one call.
const CALL_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Of an answer that is quoted to people.
const QUOTED_CHARS: usize = 200;

#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// Another try can help.
    #[error("the DNS server '{name}' does not answer: {why}")]
    Away { name: String, why: String },
    #[error("the DNS server '{name}' refused: {why}")]
    Refused { name: String, why: String },
}

impl DnsError {
    pub fn may_pass(&self) -> bool {
        matches!(self, DnsError::Away { .. })
    }
}

/// A server's API, with the key to it.
pub struct PowerDns {
    name: String,
    /// Of the server: `http://192.0.2.53:8081/api/v1/servers/localhost`.
    base: String,
    key: String,
    client: reqwest::Client,
}

impl PowerDns {
    pub fn open(ctx: &Context, row: &dns_service::Model) -> Result<Self, Error> {
        let key = ctx.open("dns_services", "api_key_enc", row.uuid, &row.api_key_enc)?;
        // An administrator names this server, so it may be a private one; it may not send us elsewhere.
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(CALL_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(anyhow::Error::from)?;
        let base = format!("{}/api/v1/servers/{}", row.url.trim_end_matches('/'), row.server_name);
        Ok(Self { name: row.name.clone(), base, key, client })
    }

    /// Whether the server has the zone.
    pub async fn has_zone(&self, zone: &str) -> Result<bool, DnsError> {
        let request = self.client.get(format!("{}/zones/{}?rrsets=false", self.base, zone_id(zone)));
        match self.send(request).await {
            Ok(_) => Ok(true),
            Err((Some(404 | 422), _)) => Ok(false),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Makes `name` point to `ptr` and to nothing else, or to nothing.
    pub async fn put_ptr(&self, zone: &rdns_zone::Model, name: &str, ptr: Option<&str>) -> Result<(), DnsError> {
        let set = match ptr {
            Some(ptr) => json!({
                "name": format!("{name}."), "type": "PTR", "changetype": "REPLACE", "ttl": zone.ttl_s,
                "records": [{ "content": format!("{ptr}."), "disabled": false }],
            }),
            None => json!({ "name": format!("{name}."), "type": "PTR", "changetype": "DELETE" }),
        };
        let request = self.client.patch(format!("{}/zones/{}", self.base, zone_id(&zone.name)));
        self.send(request.json(&json!({ "rrsets": [set] }))).await.map_err(|error| self.explain(error))?;
        Ok(())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(), (Option<u16>, String)> {
        let response = request.header("X-API-Key", &self.key).send().await;
        let response = response.map_err(|error| (None, plain(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body: Value = response.json().await.unwrap_or_default();
        let said = body["error"].as_str().unwrap_or_default();
        let said = said.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS).collect::<String>();
        Err((Some(status.as_u16()), format!("{status} {said}").trim().to_owned()))
    }

    fn explain(&self, (status, why): (Option<u16>, String)) -> DnsError {
        let name = self.name.clone();
        match status {
            None | Some(500..) => DnsError::Away { name, why },
            Some(401 | 403) => DnsError::Refused { name, why: format!("{why} (is its API key right?)") },
            Some(_) => DnsError::Refused { name, why },
        }
    }
}

/// PowerDNS writes a zone's id as its name with the last dot, and a slash of RFC 2317 as `=2F`.
fn zone_id(zone: &str) -> String {
    format!("{}.", zone.replace('/', "=2F"))
}

/// Without the address, which may hold what is not for everybody.
fn plain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        format!("no answer within {} s", CALL_LIMIT.as_secs())
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the connection broke".to_owned()
    }
}
