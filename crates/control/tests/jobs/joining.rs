//! How a node comes by its certificates: the first against a one-time token, the next against its key.

use std::path::Path;

use berth_agent::{
    config::AgentConfig,
    enrol::{self, Joining},
    host::Accelerator,
    identity::Identity,
    probe::AcceleratorFact,
    renew,
};
use berth_control::{Error, clock::HOUR};
use berth_store::{entity::hypervisor, hypervisor as nodes, testing::Database};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{app::App, rows, sim::machine_time_us};

/// A year and a day later.
const LATER_US: i64 = 366 * 86_400_000_000;

async fn token(app: &App, group: i64, name: &str) -> String {
    let (status, answer) =
        app.post("/compute/hypervisors/enrolmentTokens", json!({ "name": name, "groupId": group })).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"]["token"].as_str().unwrap().to_owned()
}

/// What `berth agent enrol` does on the node whose data lie in `dir`.
async fn join(app: &App, dir: &Path, token: &str) -> anyhow::Result<Identity> {
    let config = AgentConfig { data_dir: dir.to_owned(), ..AgentConfig::default() };
    let fact = AcceleratorFact { accelerator: Accelerator::Qemu, detail: "as a test says".to_owned() };
    let joining = Joining { control_url: &app.url, token, address: "192.0.2.7".parse().unwrap() };
    enrol::enrol(&config, &joining, &fact).await
}

async fn row(app: &App, identity: &Identity) -> hypervisor::Model {
    let uuid = identity.names.node_uuid.parse().unwrap();
    nodes::by_uuid(app.ctx.store.read(), uuid).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lets_one_node_in_and_the_same_node_again_whose_answer_was_lost() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let (node, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let token = token(&app, company.group, "hv-a").await;

    let first = join(&app, node.path(), &token).await.unwrap();
    let joined = row(&app, &first).await;
    assert_eq!((joined.name.as_str(), joined.ip.as_str(), joined.port), ("hv-a", "192.0.2.7", 8892));
    assert!(joined.max_memory_mib > 0, "the node told what it has");

    let again = join(&app, node.path(), &token).await.unwrap();
    assert_eq!(again.names, first.names);
    assert_ne!(again.certificate_pem, first.certificate_pem);
    let refused = join(&app, other.path(), &token).await.unwrap_err().to_string();
    assert!(refused.contains("401"), "another node with a used token: {refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_old_or_wrong_lets_nobody_in_and_a_node_joins_under_one_name() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let (node, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = token(&app, company.group, "hv-old").await;
    app.pass(25 * HOUR);
    assert!(join(&app, node.path(), &old).await.unwrap_err().to_string().contains("401"));
    let wrong = format!("{}.{}", "a".repeat(40), "0".repeat(64));
    assert!(join(&app, node.path(), &wrong).await.unwrap_err().to_string().contains("401"));

    join(&app, node.path(), &token(&app, company.group, "hv-a").await).await.unwrap();
    let twice = join(&app, node.path(), &token(&app, company.group, "hv-b").await).await.unwrap_err().to_string();
    assert!(twice.contains("409") && twice.contains("joined already"), "{twice}");
    let same = join(&app, other.path(), &token(&app, company.group, "hv-a").await).await.unwrap_err().to_string();
    assert!(same.contains("409") && same.contains("name"), "{same}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_longer_than_its_certificate_lived_renews_with_its_key() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let dir = tempfile::tempdir().unwrap();
    let identity = join(&app, dir.path(), &token(&app, company.group, "hv-a").await).await.unwrap();
    assert!(renew::renewed(&identity, machine_time_us()).await.unwrap().is_none(), "it is not due yet");

    let renewed = renew::renewed(&identity, machine_time_us() + LATER_US).await.unwrap().expect("it is due");
    assert_eq!((&renewed.key_pem, &renewed.names), (&identity.key_pem, &identity.names));
    assert_ne!(renewed.certificate_pem, identity.certificate_pem);
    let (entries, _) =
        berth_store::audit::page(app.ctx.store.read(), &berth_store::audit::Filter::default(), 0, 100).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "renew_certificate").count(), 1);

    let foreign = Identity { key_pem: rcgen::KeyPair::generate().unwrap().serialize_pem(), ..identity.clone() };
    let refused = enrol::renew(&foreign).await.unwrap_err().to_string();
    assert!(refused.contains("401"), "another key: {refused}");

    let id = row(&app, &identity).await.id;
    let out = hypervisor::ActiveModel { id: Set(id), commissioned: Set(0), ..Default::default() };
    let taken_out = app.ctx.store.write_tx::<_, Error>(|tx| {
        let out = out.clone();
        Box::pin(async move {
            hypervisor::Entity::update(out).exec(tx).await.unwrap();
            Ok(())
        })
    });
    taken_out.await.unwrap();
    assert!(enrol::renew(&identity).await.unwrap_err().to_string().contains("401"), "it was taken out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_the_clusters_authority_did_not_sign_is_not_taken() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let dir = tempfile::tempdir().unwrap();
    let identity = join(&app, dir.path(), &token(&app, company.group, "hv-a").await).await.unwrap();

    let key = rcgen::KeyPair::from_pem(&identity.key_pem).unwrap();
    let name = format!("{}.node.berth", identity.names.node_uuid);
    let own = rcgen::CertificateParams::new(vec![name]).unwrap().self_signed(&key).unwrap().pem();
    let answer = json!({ "certificate_pem": own, "ca_pem": own, "node_uuid": "", "cluster_uuid": "" });
    let impostor = axum::Router::new().fallback(move || async move { axum::Json(answer) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut fooled = identity.clone();
    fooled.names.control_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, impostor).await });
    let refused = format!("{:#}", enrol::renew(&fooled).await.unwrap_err());
    assert!(refused.contains("the certificate in the answer"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_node_gets_a_script_a_program_with_its_checksum_and_a_command_to_paste() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let get = async |path: &str| {
        let answer = reqwest::get(format!("{}{path}", app.url)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap()
    };
    let script = get("/node/install.sh").await;
    assert!(
        script.starts_with(b"#!/bin/sh\n") && script.ends_with(b"\nmain \"$@\"\n"),
        "nothing runs before all is read"
    );
    let sum = String::from_utf8(get("/node/agent.sha256").await.to_vec()).unwrap();
    let (checksum, name) = sum.trim().split_once("  ").unwrap();
    assert!(name.starts_with("berth-") && name.ends_with("-x86_64"), "{name}");
    let program = get("/node/agent").await;
    assert_eq!(hex::encode(Sha256::digest(&program)), checksum);
    assert_eq!(&program[..], std::fs::read(std::env::current_exe().unwrap()).unwrap(), "it is this very program");

    let made = async |body: serde_json::Value| app.post("/compute/hypervisors/enrolmentTokens", body).await;
    let url = "https://berth.example.com:8443";
    let (status, answer) = made(json!({ "groupId": company.group, "controlUrl": url })).await;
    assert_eq!(status, 201, "{answer}");
    let (token, command) = (answer["data"]["token"].as_str().unwrap(), answer["data"]["command"].as_str().unwrap());
    assert!(command.contains(&format!("BERTH_ENROLMENT_TOKEN='{token}' sh -s -- --control '{url}'")), "{command}");
    assert!(command.contains("--pinnedpubkey 'sha256//"), "{command}");
    let (_, answer) = made(json!({ "groupId": company.group })).await;
    let here = app.url.replace("http:", "https:");
    assert!(answer["data"]["command"].as_str().unwrap().contains(&format!("'{here}/node/install.sh'")), "{answer}");
    for url in ["https://a'; id; '", "http://a.example", "https://a.example/x", "", "$(id)"] {
        let (status, answer) = made(json!({ "groupId": company.group, "controlUrl": url })).await;
        assert!(status == 422 && answer["errors"][0].as_str().unwrap().contains("controlUrl"), "{url}: {answer}");
    }
}

/// What a shell could take for its own is refused before anything is done; so nothing here touches this machine.
#[test]
fn t01_the_script_takes_no_option_that_could_mean_something_to_a_shell() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/install-node.sh");
    let dir = tempfile::tempdir().unwrap();
    let run = |options: &[&str]| {
        let mut shell = std::process::Command::new("sh");
        let output = shell.arg(&script).args(options).current_dir(dir.path()).env("BERTH_ENROLMENT_TOKEN", "").output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let good = ["--control", "https://berth.example.com:8443", "--pin", "sha256//AAAA="];
    let hostile = ["$(touch x)", "`touch x`", "a;touch x", "a b", "-o", "'", "\"", "a\ntouch x", "*", "../../etc", "é"];
    for value in hostile {
        let url = format!("https://{value}");
        let pin = format!("sha256//{value}");
        for (options, says) in [
            (vec!["--control", &url, "--pin", "sha256//AAAA="], "--control must be"),
            (vec!["--control", value, "--pin", "sha256//AAAA="], "--control must be"),
            (vec!["--control", "https://a", "--pin", &pin], "--pin must be"),
            ([good.as_slice(), &["--address", value]].concat(), "--address must be"),
            ([good.as_slice(), &["--port", value]].concat(), "--port must be"),
            ([good.as_slice(), &["--bridge", value]].concat(), "--bridge must be"),
            (vec![value, "x"], "there is no option"),
        ] {
            // As a host it is strange, and behind the scheme it is no option.
            if value == "-o" && options.contains(&url.as_str()) {
                continue;
            }
            let (went_well, said) = run(&options);
            assert!(!went_well && said.contains(says), "{options:?}: {said}");
        }
    }
    for port in ["0", "65536", "99999999999999999999"] {
        assert!(run(&[good.as_slice(), &["--port", port]].concat()).1.contains("--port must be"), "{port}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was run");
}
