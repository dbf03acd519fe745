//! What a company sells and what servers are made of: packages, groups, discs, templates of its own.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Control;

/// A qcow2 of 1 MiB without anything in it, by its header.
fn image() -> Vec<u8> {
    let mut image = vec![0_u8; 65_536];
    image[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    image[20..24].copy_from_slice(&16_u32.to_be_bytes());
    image[24..32].copy_from_slice(&(1_u64 << 20).to_be_bytes());
    image[100..104].copy_from_slice(&104_u32.to_be_bytes());
    image
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_have_every_limit() {
    let control = Control::start().await;
    let made = control
        .json(&[
            "package",
            "create",
            "--name",
            "Limited",
            "--memory-mib",
            "512",
            "--storage-gib",
            "5",
            "--disabled",
            "--read-iops",
            "500",
            "--write-iops",
            "250",
            "--read-bytes-s",
            "1000000",
            "--write-bytes-s",
            "2000000",
            "--storage-profile",
            "1",
            "--network-profile",
            "2",
            "--speed-in-kbs",
            "1000",
            "--disk-type",
            "raw",
        ])
        .await;
    for (name, wanted) in [
        ("primaryStorageReadIopsSec", 500),
        ("primaryStorageWriteIopsSec", 250),
        ("primaryStorageReadBytesSec", 1_000_000),
        ("primaryStorageWriteBytesSec", 2_000_000),
        ("primaryStorageProfile", 1),
        ("primaryNetworkProfile", 2),
        ("primaryNetworkSpeedIn", 1000),
    ] {
        assert_eq!(made[name], wanted, "{name}");
    }
    assert_eq!((&made["enabled"], &made["primaryDiskType"]), (&Value::from(false), &Value::from("raw")));
    let id = made["id"].to_string();
    let changed = control.json(&["package", "update", &id, "--read-iops", "0", "--write-iops", "9"]).await;
    assert_eq!(
        (&changed["primaryStorageReadIopsSec"], &changed["primaryStorageWriteIopsSec"]),
        (&Value::Null, &Value::from(9))
    );
    let refused = control.berth(&["package", "update", &id, "--backup-plan", "77"]).await;
    assert!(refused.code == 1 && refused.stderr.contains("backup"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_discs_and_own_templates_are_made_and_changed() {
    let control = Control::start().await;
    let group = control.json(&["group", "create", "--name", "Second", "--distribution-type", "11", "--disabled"]).await;
    assert_eq!((&group["distributionType"], &group["enabled"]), (&Value::from(11), &Value::from(false)));
    assert!(control.table(&["group", "list"]).await.contains("Second"));

    let disc = control.json(&["iso", "add", "Rescue", "--image-url", "https://images.example.test/rescue.iso"]).await;
    let id = disc["id"].to_string();
    let changed = control.json(&["iso", "update", &id, "--name", "Rescue 2", "--enabled", "false"]).await;
    assert_eq!((&changed["name"], &changed["enabled"]), (&Value::from("Rescue 2"), &Value::from(false)));

    let digest = format!("sha256:{}", "a".repeat(64));
    let named = |slug| ["template", "create", "--slug", slug, "--name", "Own", "--version", "1"];
    let url = ["--image-url", "https://images.example.test/own.qcow2", "--image-digest", &digest, "--uefi"];
    let made = control.json(&[&named("own-url")[..], &url].concat()).await;
    assert_eq!((&made["imageDigest"], &made["uefi"]), (&Value::from(digest.as_str()), &Value::from(true)));
    let path = control.dir.path().join("own.qcow2");
    std::fs::write(&path, image()).unwrap();
    let file = ["--file", path.to_str().unwrap()];
    let made = control.json(&[&named("own-file")[..], &file].concat()).await;
    let wanted = format!("sha256:{}", hex::encode(Sha256::digest(image())));
    assert_eq!(made["imageDigest"], wanted.as_str(), "it was uploaded");
    let again = control.berth(&[&named("own-url")[..], &file].concat()).await;
    assert!(again.code == 1 && again.stderr.contains("own-url"), "its image stays: {}", again.stderr);
    let bare = control.berth(&named("own-none")).await;
    assert!(bare.code == 2 && bare.stderr.contains("--file"), "{}", bare.stderr);

    let named = ["user", "create", "--name", "Ann", "--email", "ann@example.test"];
    let choices = ["--timezone", "Europe/London", "--language", "pt-br"];
    let made = control.json(&[&named[..], &choices].concat()).await;
    assert_eq!((&made["timezone"], &made["language"]), (&Value::from("Europe/London"), &Value::from("pt-BR")));
    let found = control.json(&["user", "list", "--search", "ann@EXAMPLE"]).await;
    assert_eq!((found.as_array().map(Vec::len), &found[0]["name"]), (Some(1), &Value::from("Ann")));
    assert_eq!(control.json(&["user", "list", "--search", "nobody at all"]).await, Value::Array(Vec::new()));
}
