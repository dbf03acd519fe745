//! Everybody who asks something of the panel, each at a browser, and what they ask for.

use berth_control::{config::Config, http::auth::hash_token, rights::Right};
use berth_store::{password_link, testing::Database, user_identity};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    access::takes,
    app::{App, with_mail},
    authenticator::Authenticator,
    browser::{Answer, Browser, PASSWORD, give_password, logged_in, suspend},
    factors, guests,
    matrix::{Operation, Takes, Who},
    passkeys,
    provider::Provider,
    rows::{self, Company},
    shares, shop,
};

const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p jon";

/// After these the server, or what guests have of it, is gone.
const SPENDS: [&str; 2] = ["DELETE /servers/{uuid}", "DELETE /servers/{uuid}/access"];

/// Somebody at a browser.
struct Person {
    who: Who,
    browser: Browser,
    /// Of the second factor that was proposed last, and a code that stands in for it.
    secret: String,
    recovery: String,
    /// With a passkey of theirs, or of nobody's.
    phone: Authenticator,
}

impl Person {
    fn email(&self) -> String {
        format!("{}@doe.test", self.who.account())
    }
}

pub struct World {
    app: App,
    company: Company,
    people: Vec<Person>,
    /// Owner of what is shared with Jon.
    host: i64,
    /// Whoever holds a link sets this one's password.
    forgetful: i64,
    /// The server that is asked for, and whether the next operation needs another one.
    server: (i64, String),
    is_spent: bool,
}

impl World {
    pub async fn start(database: Database) -> Self {
        let provider = Provider::start().await;
        let settings = |config| provider.configured(with_mail(Config { strange_requests_per_second: 0, ..config }));
        let app = App::start_with(database, settings).await;
        let company = rows::company(&app, 1, 100).await;
        give_password(&app, company.user).await;
        shop::self_serving(&app, &company).await;
        let mut people = Vec::new();
        for who in Who::everybody() {
            let id = match who {
                Who::Nobody => None,
                Who::Owner => Some(company.user),
                _ => Some(shares::person(&app, who.account()).await),
            };
            if let Who::Staff(role) = who {
                let given = app.put(&format!("/users/{}/role", id.unwrap()), json!({ "role": role })).await;
                assert_eq!(given.0, 200, "{}", given.1);
                identity(&app, id.unwrap(), &provider.issuer).await;
            }
            let (browser, phone) = match id {
                Some(_) => {
                    let mut browser = logged_in(&app, &format!("{}@doe.test", who.account())).await;
                    let (_, phone) = passkeys::added(&mut browser).await;
                    (browser, phone)
                }
                None => (Browser::new(&app), Authenticator::new()),
            };
            if who == Who::Suspended {
                suspend(&app, id.unwrap(), true).await;
            }
            people.push(Person { who, browser, secret: String::new(), recovery: String::new(), phone });
        }
        let (host, forgetful) = (shares::person(&app, "host").await, shares::person(&app, "forgetful").await);
        Self { app, company, people, host, forgetful, server: (0, String::new()), is_spent: true }
    }

    fn person(&mut self, who: Who) -> &mut Person {
        let who = if matches!(who, Who::OtherSite | Who::SuspendedOwner) { Who::Owner } else { who };
        self.people.iter_mut().find(|person| person.who == who).unwrap()
    }

    async fn owner_makes(&mut self, path: &str, body: Value) -> Value {
        let made = self.person(Who::Owner).browser.call("POST", path, Some(body)).await;
        assert_eq!(made.status, 201, "{path}: {}", made.body);
        made.body["data"].clone()
    }

    /// Makes what the operation is asked for; its address.
    pub async fn prepare(&mut self, operation: &Operation) -> String {
        if operation.path.contains("{uuid}") {
            if self.is_spent {
                self.server = self.shared_server().await;
            }
            self.is_spent = SPENDS.contains(&operation.name().as_str());
        }
        let uuid = self.server.1.clone();
        let thing = match operation.path.as_str() {
            "/sessions/{id}" => {
                let mut elsewhere = logged_in(&self.app, "jon@doe.test").await;
                let sessions = elsewhere.get("/sessions").await.body["data"].clone();
                let own = sessions.as_array().unwrap().iter().find(|session| session["current"] == true);
                own.unwrap()["id"].to_string()
            }
            "/servers/{uuid}/shares/{id}" => {
                let owner = &mut self.person(Who::Owner).browser;
                shares::invite(owner, &uuid, &format!("{}@doe.test", operation.method), &[]).await.to_string()
            }
            "/invitations/{id}" => {
                let hosts = shares::server_of(&self.app, &self.company, self.host).await;
                let id = shares::id_of(&self.app, &hosts).await;
                guests::invitation(&self.app, id, "jon@doe.test", &["power"]).await.to_string()
            }
            "/identities/{id}" => identity(&self.app, self.company.user, "https://id.example").await.to_string(),
            "/tokens/{id}" => self.owner_makes("/tokens", token()).await["id"].to_string(),
            "/passkeys/{id}" => passkeys::added(&mut self.person(Who::Owner).browser).await.0.to_string(),
            "/keys/{id}" => self.owner_makes("/keys", key()).await["id"].to_string(),
            path => {
                assert!(!path.contains("{id}"), "{path}: say here which thing is asked for");
                String::new()
            }
        };
        let path = operation.path.replace("{uuid}", &uuid).replace("{id}", &thing);
        let (location, size) = (self.company.group, self.company.package);
        if path == "/shop/templates" { format!("{path}?locationId={location}&sizeId={size}") } else { path }
    }

    /// One that Jon created by himself, shared with each guest with one right, and with who is suspended with all.
    async fn shared_server(&mut self) -> (i64, String) {
        let order = shop::order(&self.company, self.company.package);
        let uuid = self.owner_makes("/shop/servers", order).await["uuid"].as_str().unwrap().to_owned();
        let id = shares::id_of(&self.app, &uuid).await;
        rows::end_jobs(&self.app, id).await;
        for who in Who::everybody() {
            let rights: Vec<&str> = match who {
                Who::Guest(right) => vec![right.name()],
                Who::Suspended => Right::ALL.map(Right::name).to_vec(),
                _ => continue,
            };
            guests::share(&self.app, id, &format!("{}@doe.test", who.account()), &rights).await;
        }
        (id, uuid)
    }

    /// What the owner is answered who sends this as a body.
    pub async fn owner_sends(&mut self, method: &str, path: &str, text: String) -> Answer {
        let browser = &mut self.person(Who::Owner).browser;
        let secret = browser.csrf.clone();
        let request = browser.request(method.parse().unwrap(), &format!("/panel/api{path}"));
        let request = request.header("x-csrf-token", secret).header("content-type", "application/json");
        browser.send(request.body(text)).await
    }

    /// A body that the operation accepts of this one.
    pub async fn body(&mut self, name: &str, who: Who) -> Option<Value> {
        let (template, size) = (self.company.template, self.company.package);
        let order = shop::order(&self.company, size);
        let (email, secret, recovery) = {
            let person = self.person(who);
            (person.email(), person.secret.clone(), person.recovery.clone())
        };
        Some(match name {
            "POST /session" => json!({ "email": email, "password": PASSWORD }),
            "POST /sign-on" | "POST /session/proof/sign-on" => json!({}),
            "POST /session/code" => json!({ "code": "000000" }),
            "POST /session/passkey" | "POST /session/proof/passkey" => return None,
            "PUT /session/passkey" => json!({ "credential": self.answered(who, "/session/passkey").await }),
            "PUT /session/proof/passkey" => {
                json!({ "credential": self.answered(who, "/session/proof/passkey").await })
            }
            "POST /session/proof" if secret.is_empty() => json!({ "password": PASSWORD }),
            "POST /session/proof" => json!({ "code": recovery }),
            "POST /passkeys" => json!({ "password": PASSWORD }),
            "PUT /passkeys" => json!({ "name": "phone", "credential": self.made(who).await }),
            "PUT /passkeys/{id}" => json!({ "name": "phone" }),
            "PUT /language" => json!({ "language": "pt-BR" }),
            "PUT /password" => json!({ "current": PASSWORD, "new": PASSWORD }),
            "POST /forgotten-password" => json!({ "email": email }),
            "PUT /forgotten-password" => json!({ "token": self.link().await, "new": PASSWORD }),
            "POST /second-factor" => json!({ "password": PASSWORD }),
            "PUT /second-factor" if secret.is_empty() => json!({ "code": "000000" }),
            "PUT /second-factor" => json!({ "code": factors::shows(&self.app, &secret) }),
            "POST /second-factor/end" | "POST /second-factor/codes" => {
                json!({ "password": PASSWORD, "code": recovery })
            }
            "POST /tokens" => token(),
            "POST /keys" => key(),
            "POST /servers/{uuid}/power" => json!({ "action": "shutdown" }),
            "POST /servers/{uuid}/password" => json!({}),
            "PUT /servers/{uuid}/name" => json!({ "name": "web" }),
            "POST /servers/{uuid}/build" => {
                json!({ "templateId": template, "hostname": "a.example", "sshKeys": [] })
            }
            "POST /shop/servers" => order,
            "PUT /servers/{uuid}/size" => json!({ "sizeId": size }),
            "POST /servers/{uuid}/console" => json!({ "kind": "serial" }),
            "POST /servers/{uuid}/shares" => json!({ "email": "guest@doe.test", "rights": ["power"] }),
            "PUT /servers/{uuid}/shares/{id}" => json!({ "rights": ["power"] }),
            "POST /invitations/{id}" => return None,
            name if name.starts_with("GET ") || name.starts_with("DELETE ") => return None,
            name => panic!("{name}: say here which body it takes"),
        })
    }

    /// What this one's phone answers to a challenge of their browser; nothing, where nobody is challenged.
    async fn answered(&mut self, who: Who, path: &str) -> Value {
        let Person { browser, phone, .. } = self.person(who);
        let challenged = browser.call("POST", path, None).await;
        match challenged.status {
            200 => phone.answer(&challenged.body["data"]["options"]),
            _ => json!({}),
        }
    }

    /// A passkey for this one's account; nothing, where nobody is asked to make one.
    async fn made(&mut self, who: Who) -> Value {
        let browser = &mut self.person(who).browser;
        let proposed = browser.call("POST", "/passkeys", Some(json!({ "password": PASSWORD }))).await;
        match proposed.status {
            200 => Authenticator::new().make(&proposed.body["data"]["options"]),
            _ => json!({}),
        }
    }

    /// A link to set a forgotten password by, as it would be mailed.
    async fn link(&self) -> String {
        let (token, user, now) = (self.app.ctx.rng.letters_and_digits(43), self.forgetful, self.app.ctx.now());
        let hash = hash_token(&token);
        let made = self.app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
            let hash = hash.clone();
            Box::pin(async move { Ok(password_link::insert(tx, user, &hash, i64::MAX, now).await?) })
        });
        made.await.unwrap();
        token
    }

    /// Asks, in every way in which this one may try.
    pub async fn ask(&mut self, operation: &Operation, path: &str, who: Who) -> Vec<Answer> {
        let is_out = who == Who::SuspendedOwner;
        if is_out {
            suspend(&self.app, self.company.user, true).await;
        }
        let answers = self.ask_in_each_way(operation, path, who).await;
        if is_out {
            suspend(&self.app, self.company.user, false).await;
        }
        answers
    }

    async fn ask_in_each_way(&mut self, operation: &Operation, path: &str, who: Who) -> Vec<Answer> {
        let (method, url): (Method, _) = (operation.method.parse().unwrap(), format!("/panel/api{path}"));
        let is_door = matches!(
            takes(operation),
            Takes::Nothing | Takes::Link | Takes::Password | Takes::Passkey | Takes::Arrival
        );
        let ways = match who {
            Who::OtherSite if is_door => 2,
            Who::OtherSite | Who::Nobody => 3,
            _ => 1,
        };
        let mut answers = Vec::new();
        for way in 0..ways {
            let body = self.body(&operation.name(), who).await;
            let (token, browser) = (self.app.token.clone(), &mut self.person(who).browser);
            let secret = browser.csrf.clone();
            let request = browser.request(method.clone(), &url);
            let request = match (who, way) {
                (Who::OtherSite, 0) => request.header("x-csrf-token", secret).header("origin", "https://evil.example"),
                (Who::OtherSite, 1) => request.header("origin", "null"),
                (Who::OtherSite, _) => request,
                (Who::Nobody, 1) => request.header("cookie", format!("__Host-berth={}", "a".repeat(43))),
                (Who::Nobody, 2) => request.bearer_auth(token),
                _ => request.header("x-csrf-token", secret),
            };
            let request = match body {
                Some(body) => request.header("content-type", "application/json").body(body.to_string()),
                None => request,
            };
            answers.push(browser.send(request).await);
            if who == Who::Nobody {
                browser.cookie = None;
            }
        }
        answers
    }

    /// Keeps what an answer gave, and puts right what is in the way of the next.
    pub async fn go_on(&mut self, operation: &Operation, who: Who, answer: &Answer) {
        let data = &answer.body["data"];
        if operation.path.contains("{uuid}") {
            rows::end_jobs(&self.app, self.server.0).await;
        }
        match operation.name().as_str() {
            "POST /second-factor" => self.person(who).secret = data["secret"].as_str().unwrap().to_owned(),
            "PUT /second-factor" | "POST /second-factor/codes" => {
                self.person(who).recovery = data["codes"][0].as_str().unwrap().to_owned();
            }
            "POST /second-factor/end" => self.person(who).secret.clear(),
            "POST /session" | "PUT /session/passkey" => {
                self.person(who).browser.csrf = data["csrf"].as_str().unwrap().to_owned()
            }
            "DELETE /session" => {
                let email = self.person(who).email();
                self.person(who).browser = logged_in(&self.app, &email).await;
            }
            _ => {}
        }
    }

    /// Of the audit log, without logins and proofs that were refused, which are written down, and what is written after the
    /// answer.
    pub async fn changes(&self) -> u64 {
        let total = async |query: &str| self.app.get(&format!("/audit?results=1{query}")).await.1["total"].as_u64();
        loop {
            let all = total("").await.unwrap();
            let mut left = all;
            for action in ["log_in_refused", "confirm_refused", "prove_refused", "forget_password"] {
                left -= total(&format!("&action={action}")).await.unwrap();
            }
            // Mails are written about behind an answer: none came in between.
            if total("").await.unwrap() == all {
                return left;
            }
        }
    }

    /// Whether a server of another's answers as one that there is not.
    pub async fn hides(&mut self, operation: &Operation, path: &str) -> bool {
        let mut answers = Vec::new();
        for uuid in [self.server.1.clone(), Uuid::nil().to_string(), "1".to_owned(), "x".to_owned()] {
            let path = path.replace(&self.server.1, &uuid);
            answers.extend(self.ask(operation, &path, Who::Stranger).await);
        }
        answers.iter().all(|answer| answer.status == 404 && answer.body == json!({ "msg": "server not found" }))
    }
}

/// An account at a provider.
pub async fn identity(app: &App, user_id: i64, issuer: &str) -> i64 {
    let now = app.ctx.now();
    let kept = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let issuer = issuer.to_owned();
        Box::pin(async move { Ok(user_identity::insert(tx, user_id, &issuer, &user_id.to_string(), now).await?.id) })
    });
    kept.await.unwrap()
}

fn token() -> Value {
    json!({ "name": "cron", "scopes": ["servers:read"] })
}

fn key() -> Value {
    json!({ "name": "laptop", "publicKey": PUBLIC_KEY })
}
