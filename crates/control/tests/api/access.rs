//! Who may call what, for every route there is.

use std::{fmt::Write as _, fs, path::Path};

use berth_control::{config::Config, http::auth};
use berth_store::{
    api_token::{self, NewToken},
    testing::Database,
};

use crate::{
    app::{App, START},
    operations,
};

const DAY: i64 = 86_400_000_000;

/// A token of the first owner's with these abilities.
pub async fn token(app: &App, abilities: &[&str], expires_at: Option<i64>) -> (i64, String) {
    token_of(app, 1, abilities, expires_at).await
}

pub async fn token_of(app: &App, user_id: i64, abilities: &[&str], expires_at: Option<i64>) -> (i64, String) {
    let token = auth::new_token(app.ctx.rng.as_ref());
    let new = NewToken {
        uuid: app.ctx.rng.uuid(),
        user_id,
        name: "test".to_owned(),
        token_hash: auth::hash_token(&token),
        abilities: abilities.iter().map(|name| (*name).to_owned()).collect(),
        allow_list: Vec::new(),
        expires_at,
        now: START,
    };
    let made = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let new = new.clone();
        Box::pin(async move { Ok(api_token::insert(tx, new).await?.id) })
    });
    (made.await.unwrap(), token)
}

/// For each operation what nobody gets, and what holders of unknown, revoked, expired and powerless tokens get. The
/// file is read by people: a line that says anything but 401 and 403 needs a reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t01_every_operation_needs_a_token_with_the_right_to_it() {
    // More requests without a good token than an address may make while the clock stands still.
    let settings = |config| Config { strange_requests_per_second: 0, ..config };
    let app = App::start_with(Database::sqlite(), settings).await;
    let company = operations::company(&app).await;
    let unknown = auth::new_token(app.ctx.rng.as_ref());
    let (id, revoked) = token(&app, &["*"], None).await;
    assert_eq!(app.delete(&format!("/tokens/{id}")).await.0, 204);
    let expired = token(&app, &["*"], Some(START)).await.1;
    let (reader, writer) = (token(&app, &["read"], None).await.1, token(&app, &["read", "write"], None).await.1);
    let powerless = token(&app, &[], None).await.1;
    let mut table = String::from("nobody unknown malformed revoked expired | no-ability read read+write\n");
    for operation in operations::all() {
        let mut call = operations::example(&app, &company, &operation).await;
        // Who is refused is so before the file is read, and may hear it while sending: a short one is sent whole.
        if let Some(operations::Body::Bytes(bytes)) = &mut call.body {
            bytes.truncate(1 << 10);
        }
        for token in ["", &unknown, "brt_short", &revoked, &expired] {
            let (status, body) = call.send(&app, token).await;
            assert_eq!(status, 401, "{}", operation.name());
            assert_eq!(body["message"], "Unauthenticated.", "{}", operation.name());
            let _ = write!(table, "{status} ");
        }
        let _ = write!(table, "|");
        for token in [&powerless, &reader, &writer] {
            let (status, body) = call.send(&app, token).await;
            assert!(status != 403 || body["message"].is_string(), "{}: {body}", operation.name());
            let _ = write!(table, " {status}");
        }
        let _ = writeln!(table, " {}", operation.name());
    }
    insta::assert_snapshot!("who_may_call_what", table);
}

/// What is reachable without a bearer token is written in few files; a new door shows here.
#[test]
fn t01_doors_without_a_token_are_these() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut doors = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let file = path.strip_prefix(&source).unwrap().display().to_string();
            for sign in [".route(", ".nest(", ".nest_service(", ".route_service(", "SwaggerUi::new("] {
                let found = text.split(sign).skip(1).filter_map(|rest| rest.split([',', ')']).next());
                doors.extend(found.map(|path| format!("{file}: {}", path.trim())));
            }
        }
    }
    doors.sort();
    insta::assert_snapshot!("doors", doors.join("\n"));
}

#[tokio::test]
async fn a_token_ends_when_its_time_is_over_and_is_used_from_its_addresses_alone() {
    let app = App::start(Database::sqlite()).await;
    let (_, short) = token(&app, &["read"], Some(START + DAY)).await;
    assert_eq!(app.call_as(&short, "GET", "/packages", None).await.0, 200);
    app.pass(DAY);
    assert_eq!(app.call_as(&short, "GET", "/packages", None).await.0, 401);
    let body = serde_json::json!({ "name": "elsewhere", "allowedAddresses": ["192.0.2.0/24"] });
    let (_, made) = app.post("/tokens", body).await;
    let elsewhere = made["data"]["token"].as_str().unwrap();
    assert_eq!(app.call_as(elsewhere, "GET", "/packages", None).await.0, 403);
    let body = serde_json::json!({ "name": "here", "allowedAddresses": ["127.0.0.1"] });
    let (_, made) = app.post("/tokens", body).await;
    assert_eq!(app.call_as(made["data"]["token"].as_str().unwrap(), "GET", "/packages", None).await.0, 200);
}
