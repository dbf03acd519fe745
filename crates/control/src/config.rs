//! What an operator sets: a TOML file, and the environment (`BERTH_CONTROL_...`) over it.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use ipnet::IpNet;
use serde::Deserialize;

/// Settings of the control server. Every field has a default that works on one machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the API and the panel are served over TLS.
    pub listen: SocketAddr,
    /// The address that people and billing systems use, without a path; by default what the request named.
    pub public_url: Option<String>,
    /// `sqlite:///path` or `postgres://...`; by default a SQLite file under `data_dir`.
    pub database_url: Option<String>,
    pub data_dir: PathBuf,
    /// PEM files of one's own certificate (with its chain) and key; by default a self-signed one under `data_dir`.
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where `/metrics` is served, in the clear; nowhere by default.
    pub metrics_listen: Option<SocketAddr>,
    /// Origins that may open console sockets besides the panel's own.
    pub console_origins: Vec<String>,
    /// Private or loopback hosts that images may be fetched from although they are such.
    pub allowed_private_hosts: Vec<String>,
    /// The mail server that letters are handed to: `smtps://user:password@host` or `smtp://user:password@host:587?tls=required`;
    /// by default nobody is sent any. Needs `mail_from` and `public_url`.
    pub mail_url: Option<String>,
    /// Whom they are from, as in `Example <noreply@example.com>`.
    pub mail_from: Option<String>,
    /// The OpenID Connect provider by which staff log in, as it names itself; by default none. Needs `public_url` and the next
    /// two.
    pub oidc_issuer: Option<String>,
    pub oidc_client_id: Option<String>,
    pub oidc_client_secret: Option<String>,
    /// What stands on the button of the login page.
    pub oidc_label: Option<String>,
    /// What is asked for besides `openid`.
    pub oidc_scopes: Vec<String>,
    /// Of addresses that may log in by it; every one, where there is none.
    pub oidc_email_domains: Vec<String>,
    /// The claim by which roles are given, as in `groups`, and what its values give, as in `berth-admins=admin`.
    pub oidc_role_claim: Option<String>,
    pub oidc_roles: Vec<String>,
    /// Whether somebody with a role, whom nobody knows here, becomes a user at the first login.
    pub oidc_create_users: bool,
    /// Who sells servers, as statements say it.
    pub seller: Option<String>,
    /// Where names are looked up that addresses are given; by default where this machine looks.
    pub dns_resolvers: Vec<SocketAddr>,
    pub builds_per_node: u32,
    pub builds_total: u32,
    /// Jobs that run at once in this process.
    pub job_workers: u32,
    /// Requests a token may make in a second, on average over ten; 0 is without limit.
    pub requests_per_second: u32,
    /// The same for a customer, of all of whose own tokens together.
    pub customer_requests_per_second: u32,
    /// The same for an address, of requests without a good token.
    pub strange_requests_per_second: u32,
    /// How long an address that was given back rests before another server gets it.
    pub address_rest_s: u32,
    /// How long a firewall's `apply` and `sync` wait for the node.
    pub firewall_wait_s: u32,
    /// Of the log, on standard error; `BERTH_LOG_FORMAT` wins over it.
    pub log_format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line, for programs.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8443),
            public_url: None,
            database_url: None,
            data_dir: PathBuf::from("/var/lib/berth/control"),
            tls_certificate: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            console_origins: Vec::new(),
            allowed_private_hosts: Vec::new(),
            mail_url: None,
            mail_from: None,
            oidc_issuer: None,
            oidc_client_id: None,
            oidc_client_secret: None,
            oidc_label: None,
            oidc_scopes: vec!["email".to_owned(), "profile".to_owned()],
            oidc_email_domains: Vec::new(),
            oidc_role_claim: None,
            oidc_roles: Vec::new(),
            oidc_create_users: false,
            seller: None,
            dns_resolvers: Vec::new(),
            builds_per_node: 2,
            builds_total: 8,
            job_workers: 16,
            requests_per_second: 2_000,
            customer_requests_per_second: 10,
            strange_requests_per_second: 50,
            address_rest_s: 3_600,
            firewall_wait_s: 30,
            log_format: LogFormat::Text,
        }
    }
}

impl Config {
    /// Reads `file` where one is named, then the environment.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
        }
        builder = builder.add_source(
            config::Environment::with_prefix("BERTH_CONTROL")
                .try_parsing(true)
                .list_separator(",")
                .with_list_parse_key("trusted_proxies")
                .with_list_parse_key("console_origins")
                .with_list_parse_key("allowed_private_hosts")
                .with_list_parse_key("dns_resolvers")
                .with_list_parse_key("oidc_scopes")
                .with_list_parse_key("oidc_email_domains")
                .with_list_parse_key("oidc_roles"),
        );
        builder.build()?.try_deserialize().context("the control server's configuration")
    }

    pub fn database_url(&self) -> String {
        let file = || format!("sqlite://{}", self.data_dir.join("berth.db").display());
        self.database_url.clone().unwrap_or_else(file)
    }

    /// Where ISO images that were uploaded are kept, named `sha256-<hex>.iso`.
    pub fn isos_dir(&self) -> PathBuf {
        self.data_dir.join("isos")
    }

    /// Where template images that have no URL are kept, named `sha256-<hex>.qcow2`.
    pub fn templates_dir(&self) -> PathBuf {
        self.data_dir.join("templates")
    }
}
