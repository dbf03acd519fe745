//! What mail says. Each letter is a text of its own in `letters/<language>/`: its subject, an empty line, its body.

use std::sync::LazyLock;

use berth_store::user::DEFAULT_LANGUAGE;
use minijinja::{Environment, Template, UndefinedBehavior, Value, context};

use crate::Error;

/// What somebody is told.
#[derive(Clone, Debug)]
pub enum Letter {
    /// An account was made.
    Welcome { name: String, email: String, password: String },
    /// A server was built. `addresses` are its own, each with its family's first.
    ServerBuilt { name: String, hostname: String, uuid: String, addresses: Vec<String>, user: String, password: String },
    /// The administrator of a guest has a new password.
    ServerPassword { name: String, user: String, password: String },
    /// A server passed so many percent of the traffic of its period.
    Traffic { name: String, uuid: String, percent: i64 },
    /// A server that used more than its share of processors has so many percent of their time until then.
    CpuThrottle { name: String, uuid: String, percent: i32, until: String },
    /// That is over.
    CpuThrottleEnded { name: String, uuid: String },
    /// What became of a customer's credit, by the kinds of notices, and the balance in tokens.
    Credit { name: String, kind: &'static str, balance: String },
    /// Somebody asked for a link by which the password is set anew.
    ForgottenPassword { name: String, token: String, minutes: i64 },
    /// The account's password is another one now, set from an address that may be empty; so many API tokens and passkeys hold on.
    PasswordChanged { name: String, address: String, tokens: usize, passkeys: usize },
    /// A token of the customer API was made.
    ApiToken { name: String, token: String, address: String },
    /// A passkey was added.
    Passkey { name: String, passkey: String, address: String },
    /// Somebody would share a server, until then. Without its name, which they could make say anything.
    ShareInvitation { name: String, owner: String, email: String, until: String },
    /// Somebody accepted such an invitation.
    ShareAccepted { name: String, guest: String, email: String, server: String, uuid: String },
    /// A login from a place and a browser that hold no session of the account.
    SignIn { name: String, address: String, browser: String, at: String },
}

static LETTERS: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut letters = Environment::new();
    letters.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in ENGLISH.into_iter().chain(GERMAN) {
        letters.add_template(name, text).expect("the letters are tested");
    }
    letters
});

const ENGLISH: [(&str, &str); 14] = [
    ("en/welcome", include_str!("letters/en/welcome.txt")),
    ("en/server_built", include_str!("letters/en/server_built.txt")),
    ("en/server_password", include_str!("letters/en/server_password.txt")),
    ("en/traffic", include_str!("letters/en/traffic.txt")),
    ("en/cpu_throttle", include_str!("letters/en/cpu_throttle.txt")),
    ("en/cpu_throttle_ended", include_str!("letters/en/cpu_throttle_ended.txt")),
    ("en/credit", include_str!("letters/en/credit.txt")),
    ("en/forgotten_password", include_str!("letters/en/forgotten_password.txt")),
    ("en/password_changed", include_str!("letters/en/password_changed.txt")),
    ("en/api_token", include_str!("letters/en/api_token.txt")),
    ("en/passkey", include_str!("letters/en/passkey.txt")),
    ("en/share_invitation", include_str!("letters/en/share_invitation.txt")),
    ("en/share_accepted", include_str!("letters/en/share_accepted.txt")),
    ("en/sign_in", include_str!("letters/en/sign_in.txt")),
];

const GERMAN: [(&str, &str); 14] = [
    ("de/welcome", include_str!("letters/de/welcome.txt")),
    ("de/server_built", include_str!("letters/de/server_built.txt")),
    ("de/server_password", include_str!("letters/de/server_password.txt")),
    ("de/traffic", include_str!("letters/de/traffic.txt")),
    ("de/cpu_throttle", include_str!("letters/de/cpu_throttle.txt")),
    ("de/cpu_throttle_ended", include_str!("letters/de/cpu_throttle_ended.txt")),
    ("de/credit", include_str!("letters/de/credit.txt")),
    ("de/forgotten_password", include_str!("letters/de/forgotten_password.txt")),
    ("de/password_changed", include_str!("letters/de/password_changed.txt")),
    ("de/api_token", include_str!("letters/de/api_token.txt")),
    ("de/passkey", include_str!("letters/de/passkey.txt")),
    ("de/share_invitation", include_str!("letters/de/share_invitation.txt")),
    ("de/share_accepted", include_str!("letters/de/share_accepted.txt")),
    ("de/sign_in", include_str!("letters/de/sign_in.txt")),
];

impl Letter {
    /// Its file's name, which the outbox shows.
    pub fn kind(&self) -> &'static str {
        match self {
            Letter::Welcome { .. } => "welcome",
            Letter::ServerBuilt { .. } => "server_built",
            Letter::ServerPassword { .. } => "server_password",
            Letter::Traffic { .. } => "traffic",
            Letter::CpuThrottle { .. } => "cpu_throttle",
            Letter::CpuThrottleEnded { .. } => "cpu_throttle_ended",
            Letter::Credit { .. } => "credit",
            Letter::ForgottenPassword { .. } => "forgotten_password",
            Letter::PasswordChanged { .. } => "password_changed",
            Letter::ApiToken { .. } => "api_token",
            Letter::Passkey { .. } => "passkey",
            Letter::ShareInvitation { .. } => "share_invitation",
            Letter::ShareAccepted { .. } => "share_accepted",
            Letter::SignIn { .. } => "sign_in",
        }
    }

    /// In a language, whatever its region, where there are letters in it; else in English.
    fn template(&self, language: &str) -> Result<Template<'static, 'static>, minijinja::Error> {
        let (kind, primary) = (self.kind(), language.split('-').next().unwrap_or_default());
        let of = |language: &str| LETTERS.get_template(&format!("{language}/{kind}"));
        of(primary).or_else(|_| of(DEFAULT_LANGUAGE))
    }

    /// Subject and body. `url` is where the panel is, `language` the reader's.
    pub fn written(&self, url: &str, language: &str) -> Result<(String, String), Error> {
        let template = self.template(language).map_err(anyhow::Error::from)?;
        let text = template.render(context! { url, ..self.words() }).map_err(anyhow::Error::from)?;
        let (subject, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        // A name with a line break would begin another header.
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok((subject, body.to_owned()))
    }

    fn words(&self) -> Value {
        match self {
            Letter::Welcome { name, email, password } => context! { name, email, password },
            Letter::ServerBuilt { name, hostname, uuid, addresses, user, password } => {
                context! { name, hostname, uuid, addresses, user, password }
            }
            Letter::ServerPassword { name, user, password } => context! { name, user, password },
            Letter::Traffic { name, uuid, percent } => context! { name, uuid, percent },
            Letter::CpuThrottle { name, uuid, percent, until } => context! { name, uuid, percent, until },
            Letter::CpuThrottleEnded { name, uuid } => context! { name, uuid },
            Letter::Credit { name, kind, balance } => context! { name, kind => *kind, balance },
            Letter::ForgottenPassword { name, token, minutes } => context! { name, token, minutes },
            Letter::PasswordChanged { name, address, tokens, passkeys } => {
                context! { name, address, tokens, passkeys }
            }
            Letter::ApiToken { name, token, address } => context! { name, token, address },
            Letter::Passkey { name, passkey, address } => context! { name, passkey, address },
            Letter::ShareInvitation { name, owner, email, until } => context! { name, owner, email, until },
            Letter::ShareAccepted { name, guest, email, server, uuid } => {
                context! { name, guest, email, server, uuid }
            }
            Letter::SignIn { name, address, browser, at } => context! { name, address, browser, at },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Vec<Letter> {
        let text = |text: &str| text.to_owned();
        vec![
            Letter::Welcome { name: text("Jon"), email: text("jon@doe.test"), password: text("secret") },
            Letter::ServerBuilt {
                name: text("web\r\nBcc: all@example.test"),
                hostname: text("web.example.test"),
                uuid: text("0000"),
                addresses: vec![text("192.0.2.7"), text("2001:db8::7")],
                user: text("root"),
                password: text("secret"),
            },
            Letter::ServerPassword { name: text("web"), user: text("root"), password: text("secret") },
            Letter::Traffic { name: text("web"), uuid: text("0000"), percent: 80 },
            Letter::Traffic { name: text("web"), uuid: text("0000"), percent: 100 },
            Letter::CpuThrottle {
                name: text("web"),
                uuid: text("0000"),
                percent: 40,
                until: text("2026-11-28 12:00:00 UTC"),
            },
            Letter::CpuThrottleEnded { name: text("web"), uuid: text("0000") },
            Letter::Credit { name: text("Jon"), kind: "low_credit", balance: text("12.5") },
            Letter::Credit { name: text("Jon"), kind: "suspended", balance: text("-0.25") },
            Letter::ForgottenPassword { name: text("Jon"), token: text("t0ken"), minutes: 60 },
            Letter::PasswordChanged { name: text("Jon"), address: text("192.0.2.1"), tokens: 0, passkeys: 0 },
            Letter::PasswordChanged { name: text("Jon"), address: text("192.0.2.1"), tokens: 2, passkeys: 0 },
            Letter::PasswordChanged { name: text("Jon"), address: text("192.0.2.1"), tokens: 0, passkeys: 1 },
            Letter::ApiToken { name: text("Jon"), token: text("backup script"), address: text("192.0.2.1") },
            Letter::Passkey { name: text("Jon"), passkey: text("phone"), address: text("192.0.2.1") },
            Letter::ShareInvitation {
                name: text("Mary"),
                owner: text("Jon\r\nBcc: all@example.test"),
                email: text("jon@doe.test"),
                until: text("12 December 2026, 12:00 UTC"),
            },
            Letter::ShareAccepted {
                name: text("Jon"),
                guest: text("Mary"),
                email: text("mary@doe.test"),
                server: text("web"),
                uuid: text("0000"),
            },
            Letter::SignIn {
                name: text("Jon"),
                address: text("192.0.2.1"),
                browser: text("Lynx"),
                at: text("28 November 2026, 12:00 UTC"),
            },
        ]
    }

    fn all(language: &str) -> String {
        let mut all = String::new();
        for letter in letters() {
            let (subject, body) = letter.written("https://panel.example.test", language).unwrap();
            assert!(!subject.contains(['\r', '\n']) && !body.is_empty());
            all += &format!("== {}\nSubject: {subject}\n\n{body}\n", letter.kind());
        }
        all
    }

    #[test]
    fn letters_say_this() {
        insta::assert_snapshot!("letters", all("en"));
        insta::assert_snapshot!("letters_de", all("de"));
    }

    #[test]
    fn whose_language_has_no_letters_is_written_to_in_english() {
        assert_eq!(all("pt-BR"), all("en"));
        assert_eq!(all("de-AT"), all("de"));
        assert!(all("de").contains("Guten Tag Jon,") && all("en").contains("Hello Jon,"));
    }

    #[test]
    fn an_address_that_is_not_known_is_said_to_be_so() {
        let letter = Letter::ApiToken { name: "Jon".to_owned(), token: "t".to_owned(), address: String::new() };
        for (language, words) in [("en", "from an unknown address."), ("de", "von einer unbekannten Adresse aus")] {
            let (_, body) = letter.written("https://panel.example.test", language).unwrap();
            assert!(body.contains(words), "{body}");
        }
    }
}
