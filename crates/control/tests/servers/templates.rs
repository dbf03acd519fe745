//! Templates, their categories and icons over HTTP.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    templates_are_shown_changed_and_offered_accordingly,
    a_template_that_is_kept_for_packages_is_built_for_those_alone,
    wrong_changes_of_templates_are_refused,
    templates_and_categories_in_use_stay,
    icons_are_seen_by_everybody_under_names_of_ours,
    t04_no_file_is_reached_by_the_name_of_an_icon_and_nothing_but_a_picture_becomes_one,
);

async fn offered(app: &App, package: i64) -> Vec<Value> {
    let (status, body) = app.get(&format!("/media/templates/fromServerPackageSpec/{package}")).await;
    assert_eq!(status, 200, "{body}");
    let categories = body["data"].as_array().unwrap().iter();
    categories.flat_map(|category| category["templates"].as_array().unwrap().clone()).collect()
}

async fn templates_are_shown_changed_and_offered_accordingly(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let path = format!("/media/templates/{}", company.template);
    let (status, made) = app
        .post("/media/templates/categories", json!({ "name": "Tiny", "description": "Small ones", "position": -1 }))
        .await;
    assert_eq!(status, 201, "{made}");
    let change = json!({
        "name": "Micro Linux", "version": "2", "variant": "Minimal", "description": "Smaller.", "type": "unix",
        "categoryId": made["data"]["id"], "icon": "linux_logo.png", "uefi": true, "eolWarning": "true",
        "eolDate": "2025-01-21",
    });
    let (status, body) = app.put(&path, change).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(app.get(&path).await, (200, body.clone()));
    assert_eq!((&body["data"]["eolDate"], &body["data"]["eol"]), (&json!("2025-01-21"), &json!(false)));
    let shown = offered(&app, company.package).await;
    assert_eq!(shown[0]["name"], "Micro Linux");
    assert_eq!((&shown[0]["eol_date"], &shown[0]["eol_warning"]), (&json!("2025-01-21 00:00:00"), &json!(true)));
    app.pass(86_400_000_000);
    assert_eq!(offered(&app, company.package).await[0]["eol"], true, "its day has come");
    assert_eq!(app.put(&path, json!({ "eolDate": null, "variant": null })).await.0, 200);
    let shown = offered(&app, company.package).await;
    assert_eq!((&shown[0]["eol"], &shown[0]["variant"]), (&json!(false), &Value::Null));
    let digest = format!("sha256:{}", "A".repeat(64));
    let image = json!({ "imageUrl": "https://images.example/a.qcow2", "imageDigest": digest, "imageVirtualBytes": 1_i64 << 40 });
    let (status, body) = app.put(&path, image).await;
    assert_eq!((status, &body["data"]["imageDigest"]), (200, &json!(digest.to_lowercase())));
    assert!(offered(&app, company.package).await.is_empty(), "too large for the package");
    assert_eq!(app.put(&path, json!({ "enabled": false })).await.0, 200);
    let (_, page) = app.get("/media/templates").await;
    assert_eq!((&page["total"], &page["data"][0]["enabled"]), (&json!(1), &json!(false)), "keepers still see it");
}

async fn a_template_that_is_kept_for_packages_is_built_for_those_alone(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.server(&app).await;
    let (_, made) =
        app.post("/packages", json!({ "name": "Other", "memory": 512, "primaryStorage": 5, "cpuCores": 1 })).await;
    let other = made["data"]["id"].as_i64().unwrap();
    let path = format!("/media/templates/{}", company.template);
    let (status, body) = app.put(&path, json!({ "packageIds": [other, other] })).await;
    assert_eq!((status, &body["data"]["packageIds"]), (200, &json!([other])));
    assert_eq!((offered(&app, company.package).await.len(), offered(&app, other).await.len()), (0, 1));
    assert_eq!(app.get(&format!("/servers/{server}/templates")).await.1["data"], json!([]));
    let build = json!({ "operatingSystemId": company.template });
    let (status, body) = app.post(&format!("/servers/{server}/build"), build.clone()).await;
    assert!(status == 422 && body["errors"][0].as_str().unwrap().contains("package"), "{status} {body}");
    assert_eq!(app.put(&path, json!({ "packageIds": [] })).await.0, 200);
    assert_eq!(app.post(&format!("/servers/{server}/build"), build).await.0, 200);
}

async fn wrong_changes_of_templates_are_refused(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let path = format!("/media/templates/{}", company.template);
    let (_, before) = app.get(&path).await;
    for (field, wrong) in [
        ("name", json!("")),
        ("version", json!("a\u{0}b")),
        ("arch", json!(3)),
        ("type", json!("dos")),
        ("categoryId", json!(999)),
        ("icon", json!("../../etc/passwd")),
        ("icon", json!("nothing.png")),
        ("icon", json!("a\u{0}b.png")),
        ("eolDate", json!("soon")),
        ("eolDate", json!("2025-02-30")),
        ("packageIds", json!([999])),
        ("packageIds", json!("all")),
        ("imageUrl", json!("https://images.example/a.qcow2")),
        ("imageVirtualBytes", json!(5)),
        ("slug", json!("other")),
        ("imageBytes", json!(5)),
    ] {
        let (status, answer) = app.put(&path, json!({ field: wrong })).await;
        let sentence = answer["errors"][0].as_str().unwrap_or_default();
        assert!(status == 422 && sentence.contains(field), "{field} {wrong}: {status} {answer}");
    }
    let url = |url: &str| json!({ "imageUrl": url, "imageDigest": format!("sha256:{}", "0".repeat(64)) });
    for wrong in ["file:///etc/passwd", "https://u:p@h.example/a", "x"] {
        assert_eq!(app.put(&path, url(wrong)).await.0, 422, "{wrong}");
    }
    assert_eq!(app.get(&path).await.1, before);
    assert_eq!(app.put("/media/templates/999", json!({})).await, (404, json!({ "msg": "template not found" })));
    assert_eq!(app.get("/media/templates/x").await.0, 404);
}

async fn templates_and_categories_in_use_stay(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    company.built_server(&app).await;
    let path = format!("/media/templates/{}", company.template);
    let (status, answer) = app.remove(&path).await;
    let wanted = "1 servers are built from template micro; disable it instead.";
    assert_eq!((status, answer), (422, json!({ "errors": [wanted] })));
    let (_, page) = app.get("/media/templates/categories").await;
    let category = format!("/media/templates/categories/{}", page["data"][0]["id"]);
    let (status, answer) = app.remove(&category).await;
    let wanted = "Category Linux has 1 templates; move or remove them first.";
    assert_eq!((status, answer), (422, json!({ "errors": [wanted] })));
    for wrong in [json!({ "position": 1001 }), json!({ "name": "" }), json!({ "icon": "x.png" }), json!({ "id": 1 })] {
        assert_eq!(app.put(&category, wrong.clone()).await.0, 422, "{wrong}");
    }
    let (status, body) = app.put(&category, json!({ "name": "GNU/Linux", "position": "3", "icon": "debian" })).await;
    assert_eq!((status, &body["data"]["position"], &body["data"]["name"]), (200, &json!(3), &json!("GNU/Linux")));
    let (_, made) = app.post("/media/templates", json!({ "slug": "spare", "name": "Spare", "version": "1" })).await;
    let spare = format!("/media/templates/{}", made["data"]["id"]);
    let of_spare = format!("/media/templates/categories/{}", made["data"]["categoryId"]);
    assert_eq!((app.remove(&spare).await.0, app.get(&spare).await.0, app.remove(&of_spare).await.0), (204, 404, 204));
    assert_eq!(app.put(&of_spare, json!({})).await, (404, json!({ "msg": "template category not found" })));
}

async fn upload(app: &App, picture: Vec<u8>) -> (u16, Value) {
    App::answer(app.request(&app.token, "POST", "/media/icons").body(picture)).await
}

async fn icons_are_seen_by_everybody_under_names_of_ours(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let picture = [&b"\x89PNG\r\n\x1a\n"[..], &[7; 500]].concat();
    let (status, made) = upload(&app, picture.clone()).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(upload(&app, picture.clone()).await, (201, made.clone()), "the same picture is the same icon");
    let (icon, path) = (made["data"]["name"].as_str().unwrap(), made["data"]["path"].as_str().unwrap());
    assert!(icon.len() == 36 && icon.ends_with(".png") && path == format!("/img/logo/{icon}"), "{made}");
    let seen = reqwest::get(format!("{}{path}", app.url)).await.unwrap();
    let header = |name: &str| seen.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((seen.status().as_u16(), header("content-type")), (200, "image/png".to_owned()));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(seen.bytes().await.unwrap(), picture);
    let built_in = reqwest::get(format!("{}/img/logo/linux_logo.png", app.url)).await.unwrap();
    assert_eq!((built_in.status().as_u16(), built_in.headers()["content-type"].to_str().unwrap()), (200, "image/png"));

    let template = format!("/media/templates/{}", company.template);
    assert_eq!(app.put(&template, json!({ "icon": icon })).await.0, 200);
    let own = format!("/media/icons/{}", made["data"]["id"]);
    let (status, answer) = app.remove(&own).await;
    assert!(status == 422 && answer["errors"][0].as_str().unwrap().contains("1 templates"), "{status} {answer}");
    assert_eq!(app.put(&template, json!({ "icon": "linux" })).await.0, 200);
    assert_eq!((app.remove(&own).await.0, app.remove(&own).await.0), (204, 404));
    assert_eq!(app.get("/media/icons").await.1["total"], 0);
}

async fn t04_no_file_is_reached_by_the_name_of_an_icon_and_nothing_but_a_picture_becomes_one(database: Database) {
    let app = App::start(database).await;
    for name in [
        "x.png",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/master.keys",
        "..\\master.keys",
        "%00",
        "/etc/passwd",
        "linux_logo.png%00.svg",
        "'%20OR%201=1--",
    ] {
        let answer = reqwest::get(format!("{}/img/logo/{name}", app.url)).await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert!(status == 404 && text.contains("not found"), "{name}: {status} {text}");
    }
    let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
    large.resize((256 << 10) + 1, 0);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for (what, body) in [("nothing", vec![]), ("svg", svg), ("html", b"<html>".to_vec()), ("too large", large)] {
        let (status, answer) = upload(&app, body).await;
        assert!(status == 422 && answer["errors"][0].as_str().unwrap().contains("icon"), "{what}: {status} {answer}");
    }
    let (status, _) = upload(&app, vec![0; 2 << 20]).await;
    assert!(status == 413 || status == 422, "{status}");
}
