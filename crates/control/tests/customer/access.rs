//! Who gets what from every operation of the customer API: everybody asks each of them, and the page of what people
//! expect is what they get.

use berth_control::{http::customer, rights::Right};
use berth_store::testing::Database;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::App,
    browser::suspend,
    guests,
    matrix::{
        Matrix, Operation, Row,
        Takes::{self, Login, Own},
        Who, in_turn,
    },
    program::{EVERY_SCOPE, PUBLIC_KEY, call, person, server, start, token},
    rows::{self, Company},
};

const READ: Option<&str> = Some("servers:read");
const POWER: Option<&str> = Some("servers:power");
const BUILD: Option<&str> = Some("servers:build");
const CONSOLE: Option<&str> = Some("servers:console");
const ACCOUNT: Option<&str> = Some("account:read");
const KEYS: Option<&str> = Some("account:keys");

/// What each operation takes: a scope of the token, and what it takes of whose it is. One without a line here fails.
const TAKES: &[(&str, Option<&str>, Takes)] = &[
    ("GET /account", ACCOUNT, Login),
    ("GET /account/sshKeys", ACCOUNT, Login),
    ("POST /account/sshKeys", KEYS, Login),
    ("DELETE /account/sshKeys/{keyId}", KEYS, Own),
    ("GET /connect", None, Login),
    ("GET /server", READ, Login),
    ("GET /server/{serverId}", READ, Takes::Right(Right::View)),
    ("POST /server/{serverId}/build", BUILD, Takes::Right(Right::Rebuild)),
    ("POST /server/{serverId}/console", CONSOLE, Takes::Right(Right::Console)),
    ("PUT /server/{serverId}/name", Some("servers:settings"), Takes::Right(Right::Settings)),
    ("POST /server/{serverId}/power/boot", POWER, Takes::Right(Right::Power)),
    ("POST /server/{serverId}/power/poweroff", POWER, Takes::Right(Right::Power)),
    ("POST /server/{serverId}/power/restart", POWER, Takes::Right(Right::Power)),
    ("POST /server/{serverId}/power/shutdown", POWER, Takes::Right(Right::Power)),
    ("POST /server/{serverId}/resetPassword", Some("servers:password"), Takes::Right(Right::Password)),
    ("GET /server/{serverId}/tasks", READ, Takes::Right(Right::View)),
    ("GET /server/{serverId}/tasks/{taskId}", READ, Takes::Right(Right::View)),
    ("GET /server/{serverId}/templates", BUILD, Takes::Right(Right::Rebuild)),
    ("GET /server/{serverId}/traffic", READ, Takes::Right(Right::View)),
    ("GET /server/{serverId}/vnc", CONSOLE, Takes::Right(Right::Console)),
    ("POST /server/{serverId}/vnc", CONSOLE, Takes::Right(Right::Console)),
];

const HEAD: &str = "# Who may do what with the customer API

Every operation of the customer API (`openapi/customer.json`), and which status everybody gets who asks for the same thing: a
server of the owner's, or something of the owner's account. Operations about oneself are asked by each about their own account.
Everybody asks with a token of their own that has every scope, but for the last column.

Rows come from the routes, cells from what an operation takes (`crates/control/tests/customer/access.rs`), and a test asks every
cell of a running server. A route without a line fails the tests. `BERTH_REWRITE_ACCESS=1 cargo nextest run -p berth-control
access` writes this page anew; whoever gets a 2xx in another column than the owner's needs a reason.

- `nobody` has no token, one of a wrong form, an invented one, or one of the Global API.
- `shared: ...` has that right at the server and no other; all of them may look.
- `suspended` has every right at the server, and an account that is suspended.
- `staff: ...` has that role, which is worth nothing here: staff work with the Global API (docs/permissions.md).
- `owner, suspended` is the owner's token, while the account is suspended.
- `no scope` is a token of the owner's with every scope but the one that it takes.

404 says that there is no such thing: another's is as one that there is not.

";

fn takes(operation: &Operation) -> (Option<&'static str>, Takes) {
    let found = TAKES.iter().find(|(name, ..)| *name == operation.name());
    let (_, scope, takes) = found.unwrap_or_else(|| panic!("{}: say in TAKES what it takes", operation.name()));
    (*scope, *takes)
}

fn matrix() -> Matrix {
    let columns: Vec<Who> = Who::everybody().into_iter().chain([Who::SuspendedOwner, Who::NoScope]).collect();
    let document = serde_json::to_value(customer::openapi()).unwrap();
    let row = |operation: Operation| {
        let (scope, takes) = takes(&operation);
        let cell = |who: &Who| match who {
            Who::NoScope if scope.is_some() => 403,
            Who::NoScope => takes.expects(Who::Owner, &operation),
            who => takes.expects(*who, &operation),
        };
        let cells = columns.iter().map(cell).collect();
        let takes = format!("{}; {}", scope.unwrap_or("any token"), takes.words());
        Row { operation, takes, cells }
    };
    let rows = Operation::all(&document).into_iter().map(row).collect();
    Matrix { file: "access-customer.md", head: HEAD, columns, rows }
}

#[test]
fn the_page_has_a_line_for_every_operation_and_says_what_each_takes() {
    let matrix = matrix();
    assert_eq!(matrix.rows.len(), TAKES.len(), "a line of TAKES names no operation");
    matrix.hold_page();
}

pub struct World {
    pub app: App,
    company: Company,
    /// Everybody's with all scopes.
    tokens: Vec<(Who, String)>,
    /// The owner's, each without one scope.
    lacking: Vec<(&'static str, String)>,
    /// As the API names it.
    template: String,
    /// The server that is asked for.
    server: (i64, String),
}

impl World {
    pub async fn start(database: Database) -> Self {
        let (app, company) = start(database, |config| config).await;
        let mut tokens = Vec::new();
        for who in Who::everybody() {
            if who == Who::Nobody {
                continue;
            }
            let id = if who == Who::Owner { company.user } else { person(&app, who.account()).await };
            if let Who::Staff(role) = who {
                let given = app.put(&format!("/users/{id}/role"), json!({ "role": role })).await;
                assert_eq!(given.0, 200, "{}", given.1);
            }
            tokens.push((who, token(&app, &format!("{}@doe.test", who.account()), &EVERY_SCOPE).await));
            if who == Who::Suspended {
                suspend(&app, id, true).await;
            }
        }
        let mut lacking = Vec::new();
        for scope in EVERY_SCOPE {
            let others: Vec<&str> = EVERY_SCOPE.into_iter().filter(|other| *other != scope).collect();
            lacking.push((scope, token(&app, "jon@doe.test", &others).await));
        }
        let mut world = Self { app, company, tokens, lacking, template: String::new(), server: (0, String::new()) };
        world.server = world.shared_server().await;
        let path = format!("/server/{}/templates", world.server.1);
        let families = call(&world.app, world.token(Who::Owner), "GET", &path, None).await.1;
        world.template = families["data"][0]["templates"][0]["id"].as_str().unwrap().to_owned();
        world
    }

    pub fn token(&self, who: Who) -> &str {
        let who = if who == Who::SuspendedOwner { Who::Owner } else { who };
        &self.tokens.iter().find(|(known, _)| *known == who).unwrap().1
    }

    /// Makes what the operation is asked for; its address.
    pub async fn prepare(&self, operation: &Operation) -> String {
        let mut path = operation.path.replace("{serverId}", &self.server.1);
        if path.contains("{taskId}") {
            let tasks = format!("/server/{}/tasks", self.server.1);
            let tasks = call(&self.app, self.token(Who::Owner), "GET", &tasks, None).await.1;
            path = path.replace("{taskId}", tasks["data"][0]["id"].as_str().unwrap());
        }
        if path.contains("{keyId}") {
            let key = json!({ "name": "to go", "publicKey": PUBLIC_KEY });
            let made = call(&self.app, self.token(Who::Owner), "POST", "/account/sshKeys", Some(&key)).await.1;
            path = path.replace("{keyId}", made["data"]["id"].as_str().unwrap());
        }
        path
    }

    /// One of Jon's, shared with each guest with one right, and with who is suspended with all.
    async fn shared_server(&self) -> (i64, String) {
        let (id, uuid) = server(&self.app, &self.company).await;
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

    /// A body that the operation accepts.
    pub fn body(&self, operation: &Operation) -> Option<Value> {
        match operation.name().as_str() {
            "POST /account/sshKeys" => Some(json!({ "name": "key", "publicKey": PUBLIC_KEY })),
            "PUT /server/{serverId}/name" => Some(json!({ "name": "web" })),
            "POST /server/{serverId}/build" => {
                Some(json!({ "operatingSystemId": self.template, "hostname": "a.example" }))
            }
            _ => None,
        }
    }

    /// Asks, with every token that this one may try.
    async fn ask(&self, operation: &Operation, path: &str, who: Who) -> Vec<(u16, Value)> {
        let invented = format!("brc_{}", "a".repeat(43));
        let scope = takes(operation).0;
        let tokens: Vec<&str> = match who {
            Who::Nobody => vec!["", "brc_short", &invented, &self.app.token],
            Who::NoScope => {
                let lacking = self.lacking.iter().find(|(known, _)| scope.is_none_or(|scope| scope == *known));
                vec![lacking.unwrap().1.as_str()]
            }
            who => vec![self.token(who)],
        };
        let (is_out, mut answers) = (who == Who::SuspendedOwner, Vec::new());
        if is_out {
            suspend(&self.app, self.company.user, true).await;
        }
        for token in tokens {
            answers.push(call(&self.app, token, &operation.method, path, self.body(operation).as_ref()).await);
        }
        if is_out {
            suspend(&self.app, self.company.user, false).await;
        }
        answers
    }

    pub async fn changes(&self) -> u64 {
        self.app.get("/audit?results=1").await.1["total"].as_u64().unwrap()
    }

    /// Whether a server of another's answers as one that there is not, and a token without the scope learns of neither.
    async fn hides(&self, operation: &Operation, path: &str) -> bool {
        let (mut to_stranger, mut without_scope) = (Vec::new(), Vec::new());
        for uuid in [self.server.1.clone(), Uuid::nil().to_string(), "1".to_owned(), "x".to_owned()] {
            let path = path.replace(&self.server.1, &uuid);
            to_stranger.extend(self.ask(operation, &path, Who::Stranger).await);
            without_scope.extend(self.ask(operation, &path, Who::NoScope).await);
        }
        to_stranger.iter().all(|answer| *answer == to_stranger[0])
            && without_scope
                .iter()
                .all(|(status, answer)| (*status, &answer["message"]) == (403, &json!("this token lacks the scope")))
    }
}

/// Each cell of docs/access-customer.md. Who is refused changes nothing either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t03_everybody_gets_what_the_page_says_from_every_operation_of_the_customer_api() {
    let world = World::start(Database::sqlite()).await;
    let mut wrong = Vec::new();
    for (operation, cells) in matrix().committed() {
        let (name, path) = (operation.name(), world.prepare(&operation).await);
        let before = world.changes().await;
        let (refused, served) = in_turn(cells);
        for (who, expected) in refused {
            for (status, answer) in world.ask(&operation, &path, who).await {
                if status != expected || (status == 401 && answer != json!({ "message": "Unauthenticated." })) {
                    wrong.push(format!("{name}: {} got {status}, not {expected}: {answer}", who.title()));
                }
            }
        }
        let is_at_a_server = operation.path.contains("{serverId}");
        if is_at_a_server && !world.hides(&operation, &path).await {
            wrong.push(format!("{name}: tells a stranger that there is such a server"));
        }
        if world.changes().await != before {
            wrong.push(format!("{name}: who was refused changed something"));
        }
        for (who, expected) in served {
            for (status, answer) in world.ask(&operation, &path, who).await {
                if status != expected {
                    wrong.push(format!("{name}: {} got {status}, not {expected}: {answer}", who.title()));
                }
                if is_at_a_server {
                    rows::end_jobs(&world.app, world.server.0).await;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
