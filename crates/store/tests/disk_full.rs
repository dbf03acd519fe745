//! A disk that fills up under SQLite: writes fail with that reason, what was answered stays, and with room again the
//! next write works, all in one process. Needs root, for a file system of its own.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use berth_store::{Store, StoreError, setting};
use sea_orm::{ConnectionTrait, Statement};

const NOW: i64 = 1_737_381_647_000_000;
const VALUE_BYTES: usize = 16 << 10;
const WRITES_AT_MOST: usize = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t27_a_full_disk_fails_writes_and_loses_nothing() {
    let disk = SmallDisk::mount(24);
    let url = format!("sqlite://{}", disk.dir.join("berth.db").display());
    let store = Store::connect(&url).await.unwrap();
    disk.fill(1);

    let kept = write_until_full(&store, 0).await;
    assert!(kept > 0, "there was some room");
    for n in 0..3 {
        let again = write(&store, &format!("refused{n}"), VALUE_BYTES * 8).await;
        assert!(matches!(again, Err(StoreError::Full(_))), "still full: {again:?}");
    }
    assert_eq!(count(&store).await, kept, "what was answered can be read, and nothing else");

    disk.make_room();
    let more = 50;
    for n in kept..kept + more {
        write(&store, &format!("value{n}"), VALUE_BYTES).await.unwrap();
    }
    assert_eq!(count(&store).await, kept + more);

    // Another process, after this one was killed, finds the same: it opens the files beside this one's.
    let copy = disk.image.with_extension("copy");
    fs::create_dir(&copy).unwrap();
    for file in ["berth.db", "berth.db-wal"] {
        fs::copy(disk.dir.join(file), copy.join(file)).unwrap();
    }
    let opened = Store::connect(&format!("sqlite://{}", copy.join("berth.db").display())).await.unwrap();
    assert_eq!(count(&opened).await, kept + more, "it was durable and not only said so");
    let check = Statement::from_string(sea_orm::DatabaseBackend::Sqlite, "PRAGMA integrity_check");
    let sound: String = opened.read().query_one_raw(check).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!(sound, "ok");
}

async fn write(store: &Store, name: &str, bytes: usize) -> Result<(), StoreError> {
    store
        .write_tx::<_, StoreError>(|tx| {
            let name = name.to_owned();
            Box::pin(async move {
                // Two statements, so that the one that fails leaves another to be undone.
                setting::get_or_insert(tx, &format!("{name}-first"), "1", NOW).await?;
                setting::get_or_insert(tx, &name, &"x".repeat(bytes), NOW).await?;
                Ok(())
            })
        })
        .await
}

/// How many writes were answered as done.
async fn write_until_full(store: &Store, from: usize) -> usize {
    for n in from..WRITES_AT_MOST {
        match write(store, &format!("value{n}"), VALUE_BYTES).await {
            Ok(()) => {}
            Err(StoreError::Full(_)) => return n,
            Err(error) => panic!("another error: {error}"),
        }
    }
    panic!("the disk took everything");
}

/// Writes that are there whole.
async fn count(store: &Store) -> usize {
    let sql = "SELECT COUNT(*) FROM settings a JOIN settings b ON b.name = a.name || '-first'";
    let all = "SELECT COUNT(*) FROM settings WHERE name <> 'ledger_final_until'";
    let mut counts = Vec::new();
    for sql in [sql, all] {
        let statement = Statement::from_string(sea_orm::DatabaseBackend::Sqlite, sql);
        let row = store.read().query_one_raw(statement).await.unwrap().unwrap();
        counts.push(usize::try_from(row.try_get_by_index::<i64>(0).unwrap()).unwrap());
    }
    assert_eq!(counts[1], counts[0] * 2, "no half of a write");
    counts[0]
}

/// An ext4 file system in a file, mounted until it is dropped.
struct SmallDisk {
    image: PathBuf,
    dir: PathBuf,
    _place: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(size_mib: u64) -> Self {
        let place = tempfile::tempdir().unwrap();
        let (image, dir) = (place.path().join("image"), place.path().join("disk"));
        fs::create_dir(&dir).unwrap();
        fs::File::create(&image).unwrap().set_len(size_mib << 20).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image));
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&dir));
        Self { image, dir, _place: place }
    }

    /// Takes all but `left_mib` away.
    fn fill(&self, left_mib: u64) {
        let free = run(Command::new("df").args(["--output=avail", "-B1M"]).arg(&self.dir));
        let free: u64 = free.lines().last().unwrap().trim().parse().unwrap();
        run(Command::new("fallocate").arg("-l").arg(format!("{}M", free - left_mib)).arg(self.filler()));
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the database may still be open.
        let _ = Command::new("umount").arg("-l").arg(Path::new(&self.dir)).output();
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
