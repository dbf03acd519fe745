//! What an operator sets for logins by OpenID Connect, checked at the start: a wrong setting is refused by its name.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::{
    config::Config,
    permissions::{ROLES, Role},
};

const LABEL: &str = "Single sign-on";
const LABEL_CHARS: usize = 60;
const TEXT_CHARS: usize = 255;
const SECRET_CHARS: usize = 1_000;
/// Of scopes, domains and roles, each.
const ENTRIES: usize = 100;

#[derive(Clone)]
pub struct Settings {
    /// As the provider names itself, to the letter.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    /// Of the button.
    pub label: String,
    /// Besides `openid`.
    pub scopes: Vec<String>,
    /// Lower case; every one, where there is none.
    pub email_domains: Vec<String>,
    /// Whether who is not there yet is made.
    pub creates_users: bool,
    pub redirect: String,
    role_claim: String,
    /// A value of the claim and what it gives; nothing, where roles are given here alone.
    roles: Vec<(String, Role)>,
}

impl Settings {
    /// Where the provider sends browsers back to, on our own host.
    pub const CALLBACK: &str = "/oidc/callback";

    /// None where no provider is named.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(issuer) = &config.oidc_issuer else {
            nothing_else(config)?;
            return Ok(None);
        };
        check_issuer(issuer)?;
        let public_url =
            config.public_url.as_deref().context("oidc_issuer needs public_url, where logins come back")?;
        let base = Url::parse(public_url).ok().filter(Url::has_host).context("public_url must be an address")?;
        let roles = roles(&config.oidc_roles)?;
        let role_claim = config.oidc_role_claim.clone().unwrap_or_default();
        ensure!(role_claim.is_empty() == roles.is_empty(), "oidc_role_claim and oidc_roles need each other");
        text("oidc_role_claim", &role_claim, 0, TEXT_CHARS)?;
        let email_domains = domains(&config.oidc_email_domains)?;
        let is_bounded = !roles.is_empty() && !email_domains.is_empty();
        ensure!(
            is_bounded || !config.oidc_create_users,
            "oidc_create_users needs oidc_roles, by which users get their role, and oidc_email_domains"
        );
        let label = config.oidc_label.clone().unwrap_or_else(|| LABEL.to_owned());
        text("oidc_label", &label, 1, LABEL_CHARS)?;
        Ok(Some(Self {
            issuer: issuer.clone(),
            client_id: needed("oidc_client_id", config.oidc_client_id.as_ref(), TEXT_CHARS)?,
            client_secret: needed("oidc_client_secret", config.oidc_client_secret.as_ref(), SECRET_CHARS)?,
            label,
            scopes: scopes(&config.oidc_scopes)?,
            email_domains,
            creates_users: config.oidc_create_users,
            redirect: format!("{}{}", base.as_str().trim_end_matches('/'), Self::CALLBACK),
            role_claim,
            roles,
        }))
    }

    /// Whether the provider says who has which role.
    pub fn maps_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// The most that the claim is mapped to: a text, or a list of them. One of that whole name, else one within others
    /// (`realm_access.roles`).
    pub fn role(&self, claims: &Map<String, Value>) -> Option<Role> {
        let within = || {
            let mut parts = self.role_claim.split('.');
            let first = claims.get(parts.next()?)?;
            parts.try_fold(first, |at, part| at.get(part))
        };
        let names: Vec<&str> = match claims.get(&self.role_claim).or_else(within)? {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        self.roles.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, role)| *role).max()
    }

    pub fn admits(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
        self.email_domains.is_empty() || domain.is_some_and(|domain| self.email_domains.contains(&domain))
    }
}

/// What is set for a provider that is not named was meant for one.
fn nothing_else(config: &Config) -> anyhow::Result<()> {
    let set = [
        ("oidc_client_id", config.oidc_client_id.is_some()),
        ("oidc_client_secret", config.oidc_client_secret.is_some()),
        ("oidc_label", config.oidc_label.is_some()),
        ("oidc_role_claim", config.oidc_role_claim.is_some()),
        ("oidc_roles", !config.oidc_roles.is_empty()),
        ("oidc_email_domains", !config.oidc_email_domains.is_empty()),
        ("oidc_create_users", config.oidc_create_users),
    ];
    match set.into_iter().find(|(_, is_set)| *is_set) {
        Some((name, _)) => bail!("{name} needs oidc_issuer"),
        None => Ok(()),
    }
}

/// In the clear only to this machine itself.
fn check_issuer(issuer: &str) -> anyhow::Result<()> {
    let url = Url::parse(issuer).context("oidc_issuer")?;
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    ensure!(
        (url.scheme() == "https" && url.has_host()) || (url.scheme() == "http" && is_here),
        "oidc_issuer must begin with https://, as in https://id.example.com/realms/company"
    );
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    ensure!(is_plain && url.password().is_none(), "oidc_issuer must have no query, fragment or user");
    Ok(())
}

fn needed(name: &str, value: Option<&String>, most: usize) -> anyhow::Result<String> {
    let value = value.with_context(|| format!("oidc_issuer needs {name}"))?;
    text(name, value, 1, most)?;
    Ok(value.clone())
}

fn text(name: &str, value: &str, least: usize, most: usize) -> anyhow::Result<()> {
    let is_fine = (least..=most).contains(&value.chars().count()) && !value.chars().any(char::is_control);
    ensure!(is_fine && value.trim() == value, "{name} must have {least} to {most} characters, and no blanks around");
    Ok(())
}

fn scopes(told: &[String]) -> anyhow::Result<Vec<String>> {
    ensure!(told.len() <= ENTRIES, "oidc_scopes must have at most {ENTRIES} entries");
    for scope in told {
        // RFC 6749, 3.3.
        let is_fine = !scope.is_empty() && scope.bytes().all(|c| c.is_ascii_graphic() && c != b'"' && c != b'\\');
        ensure!(is_fine, "oidc_scopes: {scope:?} is no scope");
    }
    Ok(told.iter().filter(|scope| *scope != "openid").cloned().collect())
}

fn domains(told: &[String]) -> anyhow::Result<Vec<String>> {
    ensure!(told.len() <= ENTRIES, "oidc_email_domains must have at most {ENTRIES} entries");
    let lower: Vec<String> = told.iter().map(|domain| domain.to_lowercase()).collect();
    for domain in &lower {
        let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
        ensure!(
            domain.len() <= TEXT_CHARS && domain.split('.').all(is_label),
            "oidc_email_domains: {domain:?} is no domain, as in example.com"
        );
    }
    Ok(lower)
}

/// `group=role`; the last sign divides, for a group's name may have some.
fn roles(told: &[String]) -> anyhow::Result<Vec<(String, Role)>> {
    ensure!(told.len() <= ENTRIES, "oidc_roles must have at most {ENTRIES} entries");
    let known: Vec<&str> = ROLES.into_iter().map(|(_, name, _)| name).collect();
    let one = |entry: &String| {
        let parts = entry.rsplit_once('=').filter(|(group, _)| !group.trim().is_empty());
        let (group, role) = parts.with_context(|| format!("oidc_roles: {entry:?} must be as in berth-admins=admin"))?;
        let role = Role::named(role.trim());
        let role =
            role.with_context(|| format!("oidc_roles: the role of {entry:?} must be one of {}", known.join(", ")))?;
        Ok((group.trim().to_owned(), role))
    };
    told.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Config {
        Config {
            public_url: Some("https://panel.example".to_owned()),
            oidc_issuer: Some("https://id.example/realms/company".to_owned()),
            oidc_client_id: Some("berth".to_owned()),
            oidc_client_secret: Some("secret".to_owned()),
            ..Config::default()
        }
    }

    #[test]
    fn it_is_off_where_no_provider_is_named_and_has_defaults_where_one_is() {
        assert!(Settings::of(&Config::default()).unwrap().is_none());
        let settings = Settings::of(&good()).unwrap().unwrap();
        assert_eq!((&*settings.label, &*settings.redirect), (LABEL, "https://panel.example/oidc/callback"));
        assert!(settings.admits("ann@anywhere.test") && !settings.maps_roles() && !settings.creates_users);
        assert_eq!(settings.scopes, ["email", "profile"]);
    }

    #[test]
    fn a_wrong_setting_is_refused_by_its_name() {
        type Wrong = fn(&mut Config);
        let wrong: [(&str, Wrong); 20] = [
            ("oidc_issuer", |config| config.oidc_issuer = Some("id.example".to_owned())),
            ("oidc_issuer", |config| config.oidc_issuer = Some("http://id.example".to_owned())),
            ("oidc_issuer", |config| config.oidc_issuer = Some("https://id.example/?a=b".to_owned())),
            ("oidc_issuer", |config| config.oidc_issuer = Some("https://u:p@id.example/".to_owned())),
            ("public_url", |config| config.public_url = None),
            ("public_url", |config| config.public_url = Some("panel".to_owned())),
            ("oidc_client_id", |config| config.oidc_client_id = None),
            ("oidc_client_id", |config| config.oidc_client_id = Some(" berth".to_owned())),
            ("oidc_client_secret", |config| config.oidc_client_secret = None),
            ("oidc_client_secret", |config| config.oidc_client_secret = Some(String::new())),
            ("oidc_label", |config| config.oidc_label = Some("x".repeat(LABEL_CHARS + 1))),
            ("oidc_scopes", |config| config.oidc_scopes = vec!["a b".to_owned()]),
            ("oidc_email_domains", |config| config.oidc_email_domains = vec!["@example.com".to_owned()]),
            ("oidc_email_domains", |config| config.oidc_email_domains = vec!["example..com".to_owned()]),
            ("oidc_roles", |config| config.oidc_role_claim = Some("groups".to_owned())),
            ("oidc_role_claim", |config| config.oidc_roles = vec!["a=admin".to_owned()]),
            ("oidc_roles", |config| config.oidc_roles = vec!["a".to_owned()]),
            ("oidc_roles", |config| config.oidc_roles = vec!["=admin".to_owned()]),
            ("oidc_roles", |config| config.oidc_roles = vec!["a=root".to_owned()]),
            ("oidc_create_users", |config| config.oidc_create_users = true),
        ];
        for (name, change) in wrong {
            let mut config = good();
            change(&mut config);
            let Err(error) = Settings::of(&config) else { panic!("{name} was taken") };
            assert!(format!("{error:#}").contains(name), "{name}: {error:#}");
        }
        let alone = Config { oidc_client_secret: Some("secret".to_owned()), ..Config::default() };
        let Err(error) = Settings::of(&alone) else { panic!("it was taken") };
        assert_eq!(error.to_string(), "oidc_client_secret needs oidc_issuer");
    }

    #[test]
    fn the_most_of_what_a_claim_is_mapped_to_is_the_role() {
        let roles = ["berth=read-only", "a=b=support", "cn=admins,dc=example=admin"].map(str::to_owned);
        let of = |claim: &str| {
            let config = Config { oidc_role_claim: Some(claim.to_owned()), oidc_roles: roles.to_vec(), ..good() };
            Settings::of(&config).unwrap().unwrap()
        };
        let role = |claim: &str, claims: Value| of(claim).role(claims.as_object().unwrap());
        assert_eq!(role("groups", json!({ "groups": ["berth", "a=b", "x"] })), Some(Role::Support));
        assert_eq!(role("groups", json!({ "groups": "cn=admins,dc=example" })), Some(Role::Admin));
        assert_eq!(role("realm.roles", json!({ "realm": { "roles": ["berth"] } })), Some(Role::ReadOnly));
        assert_eq!(role("https://x.test/roles", json!({ "https://x.test/roles": ["berth"] })), Some(Role::ReadOnly));
        for none in [json!({}), json!({ "groups": [] }), json!({ "groups": ["Berth", 7] }), json!({ "groups": true })] {
            assert_eq!(role("groups", none.clone()), None, "{none}");
        }
    }

    #[test]
    fn a_domain_is_what_stands_behind_the_last_at_sign() {
        let config = Config { oidc_email_domains: vec!["Example.com".to_owned()], ..good() };
        let settings = Settings::of(&config).unwrap().unwrap();
        assert!(settings.admits("ann@example.com") && settings.admits("Ann@EXAMPLE.com"));
        for strange in ["ann@sub.example.com", "ann@example.com@evil.test", "example.com", "ann@notexample.com", ""] {
            assert!(!settings.admits(strange), "{strange}");
        }
    }
}
