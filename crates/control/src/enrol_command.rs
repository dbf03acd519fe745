//! The command that makes a machine a node, to be pasted into a shell of root's.
//!
//! It is put together of values that stand between single quotes in a shell, so each is of characters that can't end them;
//! whoever runs it takes the script from nobody but the server whose key it names.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::Error;

/// curl's form of a pinned key: SHA-256 over the certificate's public key.
pub fn pin(certificate_der: &[u8]) -> anyhow::Result<String> {
    let (_, certificate) = X509Certificate::from_der(certificate_der)?;
    Ok(format!("sha256//{}", STANDARD.encode(Sha256::digest(certificate.public_key().raw))))
}

/// `control_url` is where the node reaches the control server.
pub fn command(control_url: &str, token: &str, pin: &str) -> Result<String, Error> {
    let url = checked(control_url)?;
    Ok(format!(
        "{{ command -v curl >/dev/null || {{ apt-get update -q=2; apt-get install -q -y curl; }}; }} && \
         curl -fsSk --pinnedpubkey '{pin}' '{url}/node/install.sh' | \
         BERTH_ENROLMENT_TOKEN='{token}' sh -s -- --control '{url}' --pin '{pin}'"
    ))
}

/// `https://host[:port]` and nothing else.
fn checked(url: &str) -> Result<&str, Error> {
    let url = url.trim_end_matches('/');
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b".:[]_-".contains(&c);
    let host = url.strip_prefix("https://").filter(|host| !host.is_empty() && host.bytes().all(is_plain));
    let known = host.is_some() && url::Url::parse(url).is_ok_and(|url| url.has_host());
    if known {
        return Ok(url);
    }
    Err(Error::invalid("The controlUrl must be https://host[:port], as the new node reaches this control server."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_holds_its_values_between_quotes() {
        let command = command("https://berth.example.com:8443/", "abc.0123", "sha256//AA+/=").unwrap();
        assert_eq!(command.matches('\'').count() % 2, 0);
        assert!(command.contains("'https://berth.example.com:8443/node/install.sh'"), "{command}");
        assert!(
            command.contains("BERTH_ENROLMENT_TOKEN='abc.0123' sh -s -- --control 'https://berth.example.com:8443'")
        );
    }

    #[test]
    fn nothing_that_could_end_a_quote_gets_into_it() {
        for url in [
            "http://berth.example.com",
            "https://",
            "https://a'; rm -rf /; '",
            "https://a b",
            "https://a/path",
            "https://a?x=$(id)",
            "https://user@a",
            "https://a:99999999",
            "https://a\nb",
            "https://[::1",
            "",
        ] {
            assert!(command(url, "t.f", "sha256//x").is_err(), "{url}");
        }
        for url in ["https://192.0.2.1:8443", "https://[2001:db8::1]:8443", "https://berth"] {
            assert!(command(url, "t.f", "sha256//x").is_ok(), "{url}");
        }
    }

    #[test]
    fn a_pin_is_of_the_key_and_not_of_the_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let of = |name: &str| {
            let made = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
            pin(made.der()).unwrap()
        };
        assert_eq!(of("a.example"), of("b.example"));
        assert_eq!(of("a.example").len(), "sha256//".len() + 44);
    }
}
