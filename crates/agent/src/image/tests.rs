use super::*;
use sha2::{Digest, Sha256, Sha512};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::cmd::Cmd;
use crate::disk::part_of;

struct Cache {
    paths: Paths,
    _dir: tempfile::TempDir,
}

impl Cache {
    fn new() -> Cache {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path());
        paths.ensure_dirs().unwrap();
        Cache { paths, _dir: dir }
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.paths.images_dir()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    async fn fetch(&self, digest: &ImageDigest, url: &str) -> Result<ImageRef, FetchError> {
        self.fetch_limited(digest, url, ImageLimits::default()).await
    }

    async fn fetch_limited(
        &self,
        digest: &ImageDigest,
        url: &str,
        limits: ImageLimits,
    ) -> Result<ImageRef, FetchError> {
        download(&self.paths, digest, url, limits, &["127.0.0.1".into()], |_, _| {}).await
    }
}

/// Runs qemu-img create and returns the file.
async fn made(args: &[&str]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("image");
    let (before, after) = args.split_at(args.len() - 1);
    let cmd = Cmd::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).args(before).arg(&file).args(after);
    cmd.run().await.unwrap();
    std::fs::read(file).unwrap()
}

fn sha256(bytes: &[u8]) -> ImageDigest {
    ImageDigest::parse(&format!("sha256:{}", hex::encode(Sha256::digest(bytes)))).unwrap()
}

/// What the test's server sends for a path: bytes as they go over the wire, and then the connection is closed.
type Answers = Arc<Mutex<BTreeMap<&'static str, Vec<u8>>>>;

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn server() -> (String, Answers) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answers = Answers::default();
    let served = answers.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let served = served.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let len = stream.read(&mut request).await.unwrap_or(0);
                let path = String::from_utf8_lossy(&request[..len]).split(' ').nth(1).unwrap_or("/").to_owned();
                let answer = served.lock().unwrap().get(path.as_str()).cloned();
                let answer = answer.unwrap_or_else(|| self::answer("404 Not Found", "", b""));
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (base, answers)
}

#[test]
fn t08_a_checksum_is_a_checksum_and_never_a_path() {
    let paths = Paths::new("/d");
    let hex = "AB".repeat(32);
    let digest = ImageDigest::parse(&format!("sha256:{hex}")).unwrap();
    let lower = hex.to_lowercase();
    assert_eq!(digest.path(&paths), Path::new(&format!("/d/images/sha256-{lower}.qcow2")));
    for wrong in ["", "sha256:", "sha256:../../etc/passwd", &format!("md5:{hex}"), &format!("sha512:{hex}"), &hex] {
        assert!(ImageDigest::parse(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_template_is_fetched_once_checked_and_immutable() {
    let (base, answers) = server().await;
    let image = made(&["10M"]).await;
    answers.lock().unwrap().insert("/image", answer("200 OK", "", &image));
    answers.lock().unwrap().insert("/moved", answer("302 Found", "location: /image\r\n", b""));
    let cache = Cache::new();
    let digest = ImageDigest::parse(&format!("sha512:{}", hex::encode(Sha512::digest(&image)))).unwrap();
    assert_eq!(cached(&cache.paths, &digest), None);

    let last = Mutex::new((0, 0));
    let tell = |got, total| *last.lock().unwrap() = (got, total);
    let (limits, allowed) = (ImageLimits::default(), ["127.0.0.1".to_owned()]);
    let got = download(&cache.paths, &digest, &format!("{base}/moved"), limits, &allowed, tell).await.unwrap();
    assert_eq!(got.virtual_bytes, 10 << 20);
    assert_eq!(*last.lock().unwrap(), (image.len() as u64, image.len() as u64));
    assert_eq!(got.path.metadata().unwrap().permissions().mode() & 0o777, 0o444);
    assert_eq!(cached(&cache.paths, &digest), Some(got.clone()));

    answers.lock().unwrap().clear();
    assert_eq!(cache.fetch(&digest, &format!("{base}/image")).await.unwrap(), got, "the cache answers");
    assert_eq!(cache.files().len(), 1);
}

#[tokio::test]
async fn t27_a_download_that_goes_wrong_is_said_and_leaves_nothing() {
    let (base, answers) = server().await;
    let image = made(&["10M"]).await;
    let mut cut = answer("200 OK", "", &image);
    cut.truncate(cut.len() - image.len() / 2);
    for (path, answer) in [
        ("/cut", cut),
        ("/image", answer("200 OK", "", &image)),
        ("/busy", answer("503 Service Unavailable", "", b"")),
        ("/denied", answer("403 Forbidden", "", b"")),
        ("/round", answer("302 Found", "location: /round\r\n", b"")),
    ] {
        answers.lock().unwrap().insert(path, answer);
    }
    let (cache, digest, other) = (Cache::new(), sha256(&image), sha256(b"other"));
    for (path, digest, word, retry) in [
        ("/cut", &digest, "was cut off after ", true),
        ("/image", &other, "the wrong checksum", false),
        ("/nothing", &digest, "was not found there", false),
        ("/busy", &digest, "503", true),
        ("/denied", &digest, "403", false),
        ("/round", &digest, "more than 5 redirects", false),
    ] {
        let error = cache.fetch(digest, &format!("{base}{path}")).await.unwrap_err();
        assert!(error.sentence.contains(word) && error.retry == retry, "{path}: {error:?}");
        assert_eq!(cache.files(), [""; 0], "{path}");
    }
    let refused = cache.fetch(&digest, "http://127.0.0.1:1/x").await.unwrap_err();
    assert!(refused.retry, "{refused:?}");
    // And then it works.
    cache.fetch(&digest, &format!("{base}/image")).await.unwrap();
}

#[tokio::test]
async fn t06_a_redirect_to_a_private_address_is_not_followed() {
    let (base, answers) = server().await;
    let port = base.rsplit(':').next().unwrap().to_owned();
    let cache = Cache::new();
    for target in [
        format!("http://127.0.0.2:{port}/image"),
        format!("http://localhost:{port}/image"),
        "http://169.254.169.254/latest/".into(),
        format!("http://[::ffff:127.0.0.1]:{port}/image"),
        "http://10.0.0.1/".into(),
    ] {
        let redirect = answer("302 Found", &format!("location: {target}\r\n"), b"");
        answers.lock().unwrap().insert("/image", redirect);
        let error = cache.fetch(&sha256(b"x"), &format!("{base}/image")).await.unwrap_err();
        assert!(error.sentence.contains("is refused") && !error.retry, "{target}: {error:?}");
    }
    let limits = ImageLimits::default();
    let unlisted = download(&cache.paths, &sha256(b"x"), &format!("{base}/image"), limits, &[], |_, _| {}).await;
    assert!(unlisted.unwrap_err().sentence.contains("is refused"));
}

#[tokio::test]
async fn t12_templates_out_of_bounds_are_refused() {
    let (base, answers) = server().await;
    let image = made(&["3T"]).await;
    let mut announced = answer("200 OK", "", b"");
    announced = String::from_utf8(announced).unwrap().replace("length: 0", "length: 99999999").into();
    let unannounced = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".as_slice(), &image].concat();
    for (path, answer) in
        [("/image", answer("200 OK", "", &image)), ("/announced", announced), ("/unannounced", unannounced)]
    {
        answers.lock().unwrap().insert(path, answer);
    }
    let (cache, digest) = (Cache::new(), sha256(&image));
    let small = ImageLimits { bytes: 100_000, virtual_bytes: 0 };
    for path in ["/announced", "/unannounced"] {
        let error = cache.fetch_limited(&digest, &format!("{base}{path}"), small).await.unwrap_err();
        assert!(error.sentence.contains("too large") && !error.retry, "{path}: {error:?}");
    }
    let error = cache.fetch(&digest, &format!("{base}/image")).await.unwrap_err();
    assert!(error.sentence.contains("claims a disk of 3145728 MiB"), "{error:?}");
    assert_eq!(cache.files(), [""; 0]);
}

#[tokio::test]
async fn t10_an_image_that_reads_from_another_file_is_refused() {
    let (base, answers) = server().await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data.raw");
    let data_file = format!("data_file={},data_file_raw=on", data.display());
    let plain = made(&["1M"]).await;
    let mut snapshots = plain.clone();
    snapshots[60..64].copy_from_slice(&1u32.to_be_bytes());
    let mut unknown = plain.clone();
    unknown[72] = 0x80;
    let cases = [
        ("backing file", made(&["-u", "-F", "raw", "-b", "/etc/shadow", "1M"]).await),
        ("backing file", made(&["-u", "-F", "raw", "-b", "nbd://10.0.0.1/x", "1M"]).await),
        ("data in another file", made(&["-o", &data_file, "1M"]).await),
        ("snapshots", snapshots),
        ("features that are not known", unknown),
        ("not a qcow2 image", vec![0; 4096]),
        ("not a qcow2 image", b"# Disk DescriptorFile\nversion=1\nRW 63 FLAT \"/etc/shadow\" 0\n".repeat(9)),
    ];
    let cache = Cache::new();
    for (word, image) in cases {
        answers.lock().unwrap().insert("/image", answer("200 OK", "", &image));
        let error = cache.fetch(&sha256(&image), &format!("{base}/image")).await.unwrap_err();
        assert!(error.sentence.contains(word) && !error.retry, "{word}: {error:?}");
        assert_eq!(cache.files(), [""; 0], "{word}");
    }
}

#[tokio::test]
async fn two_writers_of_one_template_do_not_mix_and_a_kill_leaves_no_template() {
    let (cache, image) = (Cache::new(), made(&["1M"]).await);
    let digest = sha256(&image);
    let begin = || ImageWriter::begin(&cache.paths, &digest, image.len() as u64, ImageLimits::default());
    let mut first = begin().unwrap();
    first.write(&image[..100]).unwrap();
    assert!(begin().err().unwrap().sentence.contains("already"));
    // As after a kill: the part is there, nobody holds it.
    std::mem::drop(first);
    std::fs::write(part_of(&digest.path(&cache.paths)), b"half").unwrap();
    assert_eq!(cached(&cache.paths, &digest), None);
    let mut second = begin().unwrap();
    second.write(&image).unwrap();
    second.finish().await.unwrap();
    assert!(cached(&cache.paths, &digest).is_some());
}
