//! Who gets what from every operation of the panel: everybody asks each of them, and the page of what people expect is
//! what they get.

use berth_control::{http::panel, rights::Right};
use berth_store::testing::Database;

use crate::{
    browser::Answer,
    matrix::{
        Matrix, Operation, Row,
        Takes::{self, Arrival, Link, Login, Nothing, Own, Ownership, Passkey, Password, Provider, SelfService, Share},
        Who, in_turn,
    },
    people::World,
};

/// What each operation takes. One without a line here fails; who adds one says why somebody but the owner gets a 2xx.
const TAKES: &[(&str, Takes)] = &[
    ("GET /billing", Login),
    ("GET /billing/ledger", Login),
    ("GET /billing/statement", Login),
    ("GET /billing/usage", Login),
    ("POST /forgotten-password", Nothing),
    ("PUT /forgotten-password", Link),
    ("GET /identities", Login),
    ("DELETE /identities/{id}", Own),
    ("GET /invitations", Login),
    ("POST /invitations/{id}", Own),
    ("DELETE /invitations/{id}", Own),
    ("GET /keys", Login),
    ("POST /keys", Login),
    ("DELETE /keys/{id}", Own),
    ("PUT /language", Login),
    ("GET /passkeys", Login),
    ("POST /passkeys", Login),
    ("PUT /passkeys", Login),
    ("PUT /passkeys/{id}", Own),
    ("DELETE /passkeys/{id}", Own),
    ("PUT /password", Login),
    ("GET /second-factor", Login),
    ("POST /second-factor", Login),
    ("PUT /second-factor", Login),
    ("POST /second-factor/codes", Login),
    ("POST /second-factor/end", Login),
    ("GET /servers", Login),
    ("GET /servers/{uuid}", Takes::Right(Right::View)),
    ("DELETE /servers/{uuid}", Ownership),
    ("DELETE /servers/{uuid}/access", Share),
    ("POST /servers/{uuid}/build", Takes::Right(Right::Rebuild)),
    ("POST /servers/{uuid}/console", Takes::Right(Right::Console)),
    ("PUT /servers/{uuid}/name", Takes::Right(Right::Settings)),
    ("POST /servers/{uuid}/password", Takes::Right(Right::Password)),
    ("POST /servers/{uuid}/power", Takes::Right(Right::Power)),
    ("GET /servers/{uuid}/shares", Ownership),
    ("POST /servers/{uuid}/shares", Ownership),
    ("PUT /servers/{uuid}/shares/{id}", Ownership),
    ("DELETE /servers/{uuid}/shares/{id}", Ownership),
    ("GET /servers/{uuid}/size", Ownership),
    ("PUT /servers/{uuid}/size", Ownership),
    ("GET /servers/{uuid}/templates", Takes::Right(Right::Rebuild)),
    ("GET /session", Login),
    ("POST /session", Password),
    ("DELETE /session", Login),
    ("POST /session/code", Arrival),
    ("GET /session/passkey", Nothing),
    ("POST /session/passkey", Nothing),
    ("PUT /session/passkey", Passkey),
    ("POST /session/proof", Login),
    ("POST /session/proof/passkey", Login),
    ("PUT /session/proof/passkey", Login),
    ("POST /session/proof/sign-on", Provider),
    ("GET /sessions", Login),
    ("DELETE /sessions/{id}", Own),
    ("GET /shop", Login),
    ("POST /shop/servers", SelfService),
    ("GET /shop/templates", Login),
    ("GET /sign-on", Nothing),
    ("POST /sign-on", Nothing),
    ("GET /tokens", Login),
    ("POST /tokens", Login),
    ("DELETE /tokens/{id}", Own),
];

const HEAD: &str = "# Who may do what in the panel

Every operation of the panel's API (`openapi/panel.json`), and which status everybody gets who asks for the same thing: a server
of the owner's, or something of the owner's account. Operations about oneself are asked by each about their own account.

Rows come from the routes, cells from what an operation takes (`crates/control/tests/panel/access.rs`), and a test asks every cell
of a running server. A route without a line fails the tests. `BERTH_REWRITE_ACCESS=1 cargo nextest run -p berth-control access`
writes this page anew; whoever gets a 2xx in another column than the owner's needs a reason.

- `nobody` is not logged in, comes with an invented cookie, or with a token of the Global API.
- `shared: ...` has that right at the server and no other; all of them may look.
- `suspended` has every right at the server, and an account that is suspended.
- `staff: ...` has that role, and an account at the provider; the role is worth nothing else here: staff work with the Global API
  (docs/permissions.md).
- `owner, suspended` is the owner in the session of before, while the account is suspended.
- `other site` is the owner's browser, sent by a page of another site, or without the session's secret.

404 says that there is no such thing: another's is as one that there is not.

";

pub fn takes(operation: &Operation) -> Takes {
    let found = TAKES.iter().find(|(name, _)| *name == operation.name());
    found.unwrap_or_else(|| panic!("{}: say in TAKES what it takes", operation.name())).1
}

fn matrix() -> Matrix {
    let columns: Vec<Who> = Who::everybody().into_iter().chain([Who::SuspendedOwner, Who::OtherSite]).collect();
    let document = serde_json::to_value(panel::openapi()).unwrap();
    let row = |operation: Operation| {
        let takes = takes(&operation);
        let cells = columns.iter().map(|who| takes.expects(*who, &operation)).collect();
        Row { operation, takes: takes.words().to_owned(), cells }
    };
    let rows = Operation::all(&document).into_iter().map(row).collect();
    Matrix { file: "access-panel.md", head: HEAD, columns, rows }
}

#[test]
fn the_page_has_a_line_for_every_operation_and_says_what_each_takes() {
    let matrix = matrix();
    assert_eq!(matrix.rows.len(), TAKES.len(), "a line of TAKES names no operation");
    matrix.hold_page();
}

fn told(name: &str, who: Who, expected: u16, answer: &Answer) -> String {
    format!("{name}: {} got {}, not {expected}: {}", who.title(), answer.status, answer.body)
}

/// Each cell of docs/access-panel.md. Who is refused changes nothing either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t03_everybody_gets_what_the_page_says_from_every_operation_of_the_panel() {
    let mut world = World::start(Database::sqlite()).await;
    let mut wrong = Vec::new();
    for (operation, cells) in matrix().committed() {
        let (name, path) = (operation.name(), world.prepare(&operation).await);
        let before = world.changes().await;
        let (refused, served) = in_turn(cells);
        for (who, expected) in refused {
            for answer in world.ask(&operation, &path, who).await {
                if answer.status != expected {
                    wrong.push(told(&name, who, expected, &answer));
                }
            }
        }
        if operation.path.contains("{uuid}") && !world.hides(&operation, &path).await {
            wrong.push(format!("{name}: tells a stranger that there is such a server"));
        }
        if world.changes().await != before {
            wrong.push(format!("{name}: who was refused changed something"));
        }
        for (who, expected) in served {
            for answer in world.ask(&operation, &path, who).await {
                if answer.status == expected {
                    world.go_on(&operation, who, &answer).await;
                } else {
                    wrong.push(told(&name, who, expected, &answer));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
