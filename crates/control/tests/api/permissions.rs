//! The access matrix: every operation, asked by everybody there is, held against the table of permissions; and that table
//! as operators read it.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use berth_control::{
    actor::{Ability, SCOPES},
    config::Config,
    permissions::{self, OPERATIONS, ROLES, Role},
};
use berth_store::testing::Database;

use crate::{
    access,
    app::{App, START},
    operations::{self, Body, Call, Operation},
    staff,
};

/// Set to write the page anew.
const REWRITE: &str = "BERTH_REWRITE_PERMISSIONS";

#[test]
fn every_operation_has_a_line_in_the_table_and_every_line_an_operation() {
    let served: BTreeSet<String> = operations::all().iter().map(Operation::name).collect();
    let listed: BTreeSet<String> = OPERATIONS.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let without_line: Vec<_> = served.difference(&listed).collect();
    let without_operation: Vec<_> = listed.difference(&served).collect();
    assert!(without_line.is_empty(), "say in permissions/operations.rs what they take: {without_line:?}");
    assert!(without_operation.is_empty(), "nothing answers to {without_operation:?}");
}

/// Staff in all roles, the least first, each with a token that names everything.
async fn everybody(app: &App) -> Vec<(Role, String)> {
    let mut all = Vec::new();
    for (role, name, _) in ROLES.into_iter().rev() {
        all.push((role, staff::member(app, name).await.token));
    }
    all
}

async fn changes(app: &App) -> u64 {
    app.get("/audit?results=1").await.1["total"].as_u64().unwrap()
}

/// Who is refused is so before a file is read, and may hear it while sending: a short one is sent whole.
fn short(call: &Call) -> Call {
    let mut call = call.clone();
    if let Some(Body::Bytes(bytes)) = &mut call.body {
        bytes.truncate(1 << 10);
    }
    call
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t01_each_role_may_do_what_the_table_says_and_nothing_else() {
    // More requests without a good token than an address may make while the clock stands still.
    let settings = |config| Config { strange_requests_per_second: 0, ..config };
    let app = App::start_with(Database::sqlite(), settings).await;
    let company = operations::company(&app).await;
    let staff = everybody(&app).await;
    let expired = access::token(&app, &["*"], Some(START)).await.1;
    let customer = access::token_of(&app, company.user, &["*"], None).await.1;
    let mut wrong = Vec::new();
    for operation in operations::all() {
        let (name, takes) = (operation.name(), permissions::needed(&operation.method, &operation.path));
        let takes = takes.unwrap_or_else(|| panic!("{name} has no line in the table"));
        let call = operations::example(&app, &company, &operation).await;
        let before = changes(&app).await;
        let mut refused =
            vec![("nobody", "", 401), ("expired", expired.as_str(), 401), ("customer", customer.as_str(), 403)];
        let (allowed, others): (Vec<_>, Vec<_>) = staff.iter().partition(|(role, _)| role.has(takes));
        refused.extend(others.iter().map(|(role, token)| (role.name(), token.as_str(), 403)));
        for (who, token, expected) in refused {
            let (status, body) = short(&call).send(&app, token).await;
            if status != expected || !body["message"].is_string() {
                wrong.push(format!("{name}: {who} got {status} instead of {expected}: {body}"));
            }
        }
        if changes(&app).await != before {
            wrong.push(format!("{name}: who was refused changed something"));
        }
        // What can be done once the least of them does.
        for (n, (role, token)) in allowed.iter().enumerate() {
            let (status, body) = call.send(&app, token).await;
            let is_fine = if n == 0 { (200..300).contains(&status) } else { ![401, 403].contains(&status) };
            if !is_fine || status >= 500 {
                wrong.push(format!("{name}: {} got {status}: {body}", role.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a token's list names bounds it as the role does.
#[tokio::test]
async fn a_token_has_what_both_its_list_and_its_owners_role_have() {
    let app = App::start(Database::sqlite()).await;
    for (role, name, abilities) in ROLES {
        let id = staff::member(&app, name).await.id;
        for scope in SCOPES {
            let token = access::token_of(&app, id, &[scope], None).await.1;
            for (method, path, takes) in [("GET", "/packages", Ability::Read), ("GET", "/audit", Ability::Inspect)] {
                let expected = if abilities.contains(&takes) && takes.scope() == Some(scope) { 200 } else { 403 };
                let status = app.call_as(&token, method, path, None).await.0;
                assert_eq!(status, expected, "{} with {scope}: {path}", role.name());
            }
        }
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_have_and_an_address_that_is_none_are_told_to_staff_alone() {
    let app = App::start(Database::sqlite()).await;
    let (reader, customer) = (staff::member(&app, "read-only").await, staff::member(&app, "customer").await);
    for (method, path, expected) in [("PUT", "/audit", 405), ("GET", "/nothing", 404), ("HEAD", "/packages", 200)] {
        assert_eq!(status(&app, &reader.token, method, path).await, expected, "{method} {path}");
        assert_eq!(status(&app, &customer.token, method, path).await, 403, "{method} {path}");
    }
    assert_eq!(status(&app, &reader.token, "HEAD", "/servers/1/vnc").await, 403, "as its GET");
}

async fn status(app: &App, token: &str, method: &str, path: &str) -> u16 {
    app.request(token, method, path).send().await.unwrap().status().as_u16()
}

#[test]
fn the_page_for_operators_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/permissions.md");
    let made = page();
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "docs/permissions.md is out of date: run this test with {REWRITE}=1");
}

const HEAD: &str = "# Permissions

Who among staff may do what through the Global API. This page is made of `crates/control/src/permissions/`, which every
request is held against, and a test asks every operation in every role.

A user with a role is one of the staff; `berth user role <address> <role>` gives it. Customers have none: a token of theirs
opens nothing here. A token never does more than both its own list of abilities and the role of its owner allow, as that role
is when it is used; a suspended user's tokens are refused.

- Only owners give and take the roles `owner` and `admin`, change, suspend or delete who has one of them, and make or revoke
  their tokens; owners and administrators do so with what is their own.
- The last owner keeps the role, and is neither suspended nor deleted.
- Nobody resets a password of staff or logs in as one of them through the API.
- Whoever is given more than before begins without tokens.

";

fn page() -> String {
    let mut page = String::from(HEAD);
    let _ = write!(page, "## Abilities\n\n{}", head(&["ability", "lets one", "a token's list names"]));
    for ability in Ability::ALL {
        let scope = ability.scope().map_or("anything".to_owned(), |scope| format!("`{scope}`"));
        let _ = writeln!(page, "| {} | {} | {scope} |{}", ability.name(), ability.meaning(), marks(ability));
    }
    let _ = write!(page, "\n## Operations\n\n{}", head(&["operation", "ability"]));
    for (method, path, takes) in OPERATIONS {
        let _ = writeln!(page, "| `{method} {path}` | {} |{}", takes.name(), marks(*takes));
    }
    page
}

/// Of a table that ends with a column for each role.
fn head(first: &[&str]) -> String {
    let roles = ROLES.into_iter().map(|(_, name, _)| name);
    let columns: Vec<&str> = first.iter().copied().chain(roles).collect();
    format!("| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()))
}

fn marks(ability: Ability) -> String {
    ROLES.into_iter().map(|(role, ..)| if role.has(ability) { " yes |" } else { " |" }).collect()
}
