//! Templates of cloud images, from a publisher of the test's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sha2::{Digest, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::Control;

/// A publisher of cloud images on this machine: what it has, by path.
struct Publisher {
    url: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Publisher {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/bookworm", listener.local_addr().unwrap());
        let files = Arc::new(Mutex::new(BTreeMap::<String, Vec<u8>>::new()));
        let served = files.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let name = request.split_whitespace().nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or("");
                let body = served.lock().unwrap().get(name).cloned();
                let (status, body) = body.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                // Who has read enough of an image hangs up.
                stream.write_all(&[head.as_bytes(), &body].concat()).await.ok();
            }
        });
        Self { url, files }
    }

    fn put(&self, name: &str, body: &[u8]) {
        self.files.lock().unwrap().insert(name.to_owned(), body.to_vec());
    }

    /// An image of so many MiB with its line in the list of checksums; its checksum.
    fn publish(&self, dir: &Path, mib: u64) -> String {
        let file = dir.join(format!("{mib}.qcow2"));
        let made = std::process::Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", file.to_str().unwrap(), &format!("{mib}M")])
            .status();
        assert!(made.unwrap().success());
        let image = std::fs::read(file).unwrap();
        let sum = hex::encode(Sha512::digest(&image));
        self.put(CLOUD_IMAGE, &image);
        self.put("SHA512SUMS", format!("{}  other.qcow2\n{sum}  {CLOUD_IMAGE}\n", "0".repeat(128)).as_bytes());
        format!("sha512:{sum}")
    }
}

/// What the catalogue calls `debian-12`.
const CLOUD_IMAGE: &str = "debian-12-genericcloud-amd64.qcow2";

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_image_becomes_a_template_with_the_checksum_that_its_publisher_gives_now() {
    let (control, publisher) = (Control::start().await, Publisher::start().await);
    let listed = control.table(&["template", "catalogue"]).await;
    assert!(listed.contains("debian-12") && listed.contains("https://cloud.debian.org/"), "{listed}");
    let first = publisher.publish(control.dir.path(), 64);
    let add = ["template", "add", "debian-12", "--mirror", &publisher.url, "--allow-private", "127.0.0.1"];
    let made = control.json(&add).await;
    assert_eq!(made["imageDigest"], first.as_str());
    assert_eq!(made["imageUrl"], format!("{}/{CLOUD_IMAGE}", publisher.url));
    assert_eq!(made["imageVirtualBytes"], 64 << 20);
    assert_eq!(control.json(&add).await["id"], made["id"], "once more changes nothing");

    publisher.publish(control.dir.path(), 128);
    let moved = control.berth(&add).await;
    assert!(moved.code == 0 && moved.stdout.contains(&first), "{}", moved.stdout);
    assert!(moved.stderr.contains("with another image"), "{}", moved.stderr);
    let cache = control.dir.path().join("downloads");
    let renewed = control.json(&[&add[..], &["--upload", "--cache", cache.to_str().unwrap()]].concat()).await;
    assert_eq!((&renewed["id"], &renewed["imageUrl"]), (&made["id"], &Value::Null));
    assert_eq!(renewed["imageVirtualBytes"], 128 << 20);
    assert_eq!(std::fs::read_dir(cache.join("images")).unwrap().count(), 0, "the download is gone again");
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_a_publisher_that_is_private_hostile_or_not_what_it_should_be_makes_no_template() {
    let (control, publisher) = (Control::start().await, Publisher::start().await);
    let add = ["template", "add", "debian-12", "--mirror", &publisher.url, "--allow-private", "127.0.0.1"];
    let refused = async |args: &[&str], reason: &str| {
        let printed = control.berth(args).await;
        assert_eq!(printed.code, 1, "{reason}: {}", printed.stdout);
        assert!(printed.stderr.contains(reason), "{reason}: {}", printed.stderr);
    };
    refused(&add[..5], "is refused").await;
    refused(&["template", "add", "../debian-12"], "berth template catalogue").await;
    refused(&add, "was not found there").await;
    publisher.put("SHA512SUMS", b"<html>moved</html>");
    refused(&add, "no SHA-256 or SHA-512 sum").await;
    publisher.put("SHA512SUMS", &vec![b'a'; (1 << 20) + 1]);
    refused(&add, "which no list of checksums has").await;
    publisher.publish(control.dir.path(), 64);
    publisher.put(CLOUD_IMAGE, &[b'x'; 4096]);
    refused(&add, "not a qcow2 image").await;
    publisher.put(CLOUD_IMAGE, b"QFI");
    refused(&add, "too short").await;
    let (first, cache) = (publisher.publish(control.dir.path(), 64), control.dir.path().join("downloads"));
    let mut other = publisher.files.lock().unwrap()[CLOUD_IMAGE].clone();
    other.push(0);
    publisher.put(CLOUD_IMAGE, &other);
    let upload = [&add[..], &["--upload", "--cache", cache.to_str().unwrap()]].concat();
    refused(&upload, "wrong checksum").await;
    publisher.publish(control.dir.path(), 64);
    let made = control.json(&add).await;
    assert_eq!((made["id"].as_i64(), made["imageDigest"].as_str()), (Some(1), Some(first.as_str())), "it is the first");
}
