//! ISO images: the library, and what may go into a server's drive.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    the_library_keeps_discs_by_url_and_by_upload,
    the_library_refuses,
    t09_newer_operations_refuse_what_they_do_not_know,
    only_a_disc_that_is_for_the_server_is_mounted,
    a_disc_in_a_drive_is_neither_deleted_nor_replaced,
    another_disc_takes_the_place_of_the_first,
);

const URL: &str = "https://cdimage.test/debian-12.5.0-arm64-netinst.iso";

fn disc() -> Vec<u8> {
    let mut bytes = vec![0; 20 * 2048];
    bytes[16 * 2048 + 1..16 * 2048 + 6].copy_from_slice(b"CD001");
    bytes
}

async fn put(app: &App, path: &str, body: Value) -> (u16, Value) {
    app.call("PUT", path, Some(body.to_string())).await
}

async fn upload(app: &App, id: &Value, bytes: Vec<u8>) -> (u16, Value) {
    App::answer(app.request(&app.token, "PUT", &format!("/media/iso/{id}/file")).body(bytes)).await
}

async fn the_library_keeps_discs_by_url_and_by_upload(database: Database) {
    let app = App::start(database).await;
    let (status, made) = app.post("/media/iso", json!({ "name": "Deb Arm", "arch": "2", "url": URL })).await;
    assert_eq!(status, 201, "{made}");
    let id = &made["data"]["id"];
    let (status, found) = app.get(&format!("/media/iso/{id}")).await;
    assert_eq!((status, &found), (200, &made));
    let mut shown = found["data"].clone();
    for field in ["created", "updated"] {
        assert_eq!(shown[field], "2025-01-20T14:00:47+00:00");
    }
    shown.as_object_mut().unwrap().retain(|name, _| !["id", "created", "updated"].contains(&name.as_str()));
    assert_eq!(
        shown,
        json!({
            "name": "Deb Arm", "description": null, "arch": 2, "url": URL,
            "filename": "debian-12.5.0-arm64-netinst.iso", "enabled": true, "config": "[]", "global": true,
            "download": true, "users": [], "digest": "", "size": 0,
        })
    );
    let (_, empty) = app.post("/media/iso", json!({ "name": "Own" })).await;
    let own = &empty["data"]["id"];
    let (status, filled) = upload(&app, own, disc()).await;
    assert_eq!((status, &filled["data"]["size"], &filled["data"]["download"]), (200, &json!(40_960), &json!(false)));
    let digest = filled["data"]["digest"].as_str().unwrap();
    let file = app.ctx.config.isos_dir().join(format!("{}.iso", digest.replace(':', "-")));
    assert_eq!(std::fs::read(&file).unwrap(), disc());
    let change = json!({ "enabled": false, "description": "ours", "global": "0" });
    let (status, changed) = put(&app, &format!("/media/iso/{own}"), change).await;
    let of = &changed["data"];
    assert_eq!(
        (status, &of["enabled"], &of["description"], &of["global"]),
        (200, &json!(false), &json!("ours"), &json!(false))
    );
    assert_eq!(of["name"], "Own", "what is left out stays");
    assert_eq!(app.get("/media/iso").await.1["total"], 2);
    assert_eq!(app.delete(&format!("/media/iso/{own}")).await.0, 204);
    assert!(!file.exists(), "its file is gone with it");
    assert_eq!(app.get(&format!("/media/iso/{own}")).await, (404, json!({ "msg": "iso not found" })));
    assert_eq!(app.delete(&format!("/media/iso/{own}")).await.0, 404);
}

async fn the_library_refuses(database: Database) {
    let app = App::start(database).await;
    let long = "a".repeat(101);
    for (field, wrong) in [
        ("name", json!("")),
        ("name", json!("a\nb")),
        ("name", json!(long)),
        ("name", json!(null)),
        ("name", json!({})),
        ("arch", json!(0)),
        ("arch", json!("x")),
        ("url", json!("http://a.test/a.iso")),
        ("url", json!("https://a.test/a.img")),
        ("url", json!("https://u:p@a.test/a.iso")),
        ("url", json!("file:///etc/passwd.iso")),
        ("url", json!("nonsense")),
        ("filename", json!("../../etc/passwd")),
        ("filename", json!("a/b.iso")),
        ("filename", json!("")),
        ("filename", json!(".iso")),
        ("digest", json!("md5:aa")),
        ("digest", json!("sha256:zz")),
        ("enabled", json!("maybe")),
        ("users", json!([999])),
        ("users", json!("x")),
        ("users", json!((1..200).collect::<Vec<_>>())),
    ] {
        let mut body = json!({ "name": "Good", "url": URL });
        body[field] = wrong.clone();
        let (status, answer) = app.post("/media/iso", body).await;
        let said = answer["errors"][0].as_str().unwrap_or_default();
        assert!(status == 422 && said.contains(field), "{field}: {wrong}: {status} {answer}");
    }
    assert_eq!(app.get("/media/iso").await.1["total"], 0);
    let (_, made) = app.post("/media/iso", json!({ "name": "Own" })).await;
    let id = &made["data"]["id"];
    for bytes in [Vec::new(), b"QFI\xfb".to_vec(), vec![0; 1 << 20], b"CD001".to_vec()] {
        let (status, answer) = upload(&app, id, bytes).await;
        assert!(status == 422 && answer["errors"][0].as_str().unwrap().contains("refused"), "{status} {answer}");
    }
    assert_eq!(std::fs::read_dir(app.ctx.config.isos_dir()).unwrap().count(), 0, "what was refused left nothing");
    assert_eq!(put(&app, &format!("/media/iso/{id}"), json!({ "name": "" })).await.0, 422);
    for path in ["/media/iso/0", "/media/iso/999", "/media/iso/x", "/media/iso/1e9"] {
        assert_eq!(app.get(path).await, (404, json!({ "msg": "iso not found" })), "{path}");
        assert_eq!(put(&app, path, json!({})).await.0, 404, "{path}");
    }
}

async fn t09_newer_operations_refuse_what_they_do_not_know(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.built_server(&app).await;
    let (_, made) = app.post("/media/iso", json!({ "name": "Own" })).await;
    let id = &made["data"]["id"];
    for (method, path, body) in [
        ("POST", "/media/iso".to_owned(), json!({ "name": "a", "inLibrary": false })),
        ("PUT", format!("/media/iso/{id}"), json!({ "digest": "sha256:0" })),
        ("POST", format!("/servers/{server}/media/iso"), json!({ "url": URL, "force": true })),
    ] {
        let (status, answer) = app.call(method, &path, Some(body.to_string())).await;
        assert!(status == 422 && answer["errors"][0].as_str().unwrap().contains("unknown field"), "{path}: {answer}");
    }
}

async fn only_a_disc_that_is_for_the_server_is_mounted(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.built_server(&app).await;
    let path = format!("/servers/{server}/media/iso");
    let other =
        app.post("/users", json!({ "name": "Jane", "email": "jane@example.test" })).await.1["data"]["id"].clone();
    let add = async |body: Value| app.post("/media/iso", body).await.1["data"]["id"].clone();
    let for_all = add(json!({ "name": "all", "url": URL })).await;
    let for_owner = add(json!({ "name": "owner", "url": URL, "global": false, "users": [company.user] })).await;
    let for_other = add(json!({ "name": "other", "url": URL, "global": false, "users": [other] })).await;
    let off = add(json!({ "name": "off", "url": URL, "enabled": false })).await;
    let arm = add(json!({ "name": "arm", "url": URL, "arch": 2 })).await;
    let empty = add(json!({ "name": "empty" })).await;
    for (body, word) in [
        (json!({ "isoId": for_other }), "Invalid or disabled ISO"),
        (json!({ "isoId": off }), "Invalid or disabled ISO"),
        (json!({ "isoId": 999 }), "Invalid or disabled ISO"),
        (json!({ "isoId": arm }), "architecture"),
        (json!({ "isoId": empty }), "no file yet"),
        (json!({}), "either"),
        (json!({ "isoId": for_all, "url": URL }), "either"),
        (json!({ "url": "http://a.test/a.iso" }), "https"),
        (json!({ "url": "https://a.test/a.exe" }), ".iso"),
        (json!({ "isoId": "x" }), "isoId"),
        (json!({ "isoId": [1] }), "isoId"),
    ] {
        let (status, answer) = app.post(&path, body.clone()).await;
        let said = answer["errors"][0].as_str().unwrap_or_default();
        assert!(status == 422 && said.contains(word), "{body}: {status} {answer}");
    }
    assert_eq!(app.delete(&path).await, (422, json!({ "errors": ["No ISO is mounted."] })));
    let (_, drive) = app.get(&path).await;
    let available = drive["data"]["available"].as_array().unwrap();
    let names = available.iter().map(|iso| iso["name"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(names, ["all", "empty", "owner"]);
    assert_eq!(drive["data"]["isoMounted"], false);
    let (status, answer) = app.post(&path, json!({ "isoId": for_owner.to_string() })).await;
    assert!(status == 200 && answer["data"]["queueId"].is_i64(), "{answer}");
    let (_, drive) = app.get(&path).await;
    let of = &drive["data"];
    assert_eq!((&of["isoName"], &of["isoMounted"], &of["pending"]), (&json!("owner"), &json!(false), &json!(true)));
    let unbuilt = company.server(&app).await;
    let (status, answer) = app.post(&format!("/servers/{unbuilt}/media/iso"), json!({ "isoId": for_all })).await;
    assert_eq!((status, &answer["errors"][0]), (422, &json!("The server is not built.")));
    for path in ["/servers/0/media/iso", "/servers/999/media/iso", "/servers/x/media/iso"] {
        for answer in [app.get(path).await, app.post(path, json!({ "isoId": 1 })).await, app.delete(path).await] {
            assert_eq!(answer, (404, json!({ "msg": "server not found" })), "{path}");
        }
    }
}

async fn a_disc_in_a_drive_is_neither_deleted_nor_replaced(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.built_server(&app).await;
    let (_, made) = app.post("/media/iso", json!({ "name": "Own" })).await;
    let id = &made["data"]["id"];
    assert_eq!(upload(&app, id, disc()).await.0, 200);
    assert_eq!(app.post(&format!("/servers/{server}/media/iso"), json!({ "isoId": id })).await.0, 200);
    let (status, answer) = app.delete(&format!("/media/iso/{id}")).await;
    let said = answer["errors"][0].as_str().unwrap();
    assert!(status == 422 && said.contains(&format!("mounted: {server}.")), "{answer}");
    let mut another = disc();
    another.push(1);
    assert_eq!(upload(&app, id, another).await.0, 422);
    assert_eq!(std::fs::read_dir(app.ctx.config.isos_dir()).unwrap().count(), 1, "the file that was refused is gone");
    assert_eq!(app.delete(&format!("/servers/{server}/media/iso")).await.0, 200);
    assert_eq!(app.delete(&format!("/media/iso/{id}")).await.0, 204);
}

async fn another_disc_takes_the_place_of_the_first(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.built_server(&app).await;
    let path = format!("/servers/{server}/media/iso");
    let (_, first) = app.post(&path, json!({ "url": URL })).await;
    let (_, drive) = app.get(&path).await;
    let by_url = drive["data"]["isoId"].as_i64().unwrap();
    assert_eq!((&drive["data"]["isoType"], &drive["data"]["isoUrl"]), (&json!("url"), &json!(URL)));
    assert_eq!(app.get(&format!("/media/iso/{by_url}")).await.0, 404, "it is not of the library");
    let (_, second) = app.post(&path, json!({ "url": "https://cdimage.test/b.iso" })).await;
    let job = rows::job(&app, first["data"]["queueId"].as_i64().unwrap()).await;
    assert_eq!(job.state, "cancelled");
    let job = rows::job(&app, second["data"]["queueId"].as_i64().unwrap()).await;
    assert_eq!(job.state, "queued");
    assert_eq!(app.get(&path).await.1["data"]["isoFilename"], "b.iso");
    assert!(berth_store::iso::by_id(app.ctx.store.read(), by_url).await.unwrap().is_none(), "nobody has it any more");
}
