//! A file system of a known size, to be filled up: what a node's storage is when it is full.

use std::path::{Path, PathBuf};

use super::process::{must, run};

/// Mounted until [`SmallDisk::remove`].
pub struct SmallDisk {
    image: PathBuf,
    dir: PathBuf,
}

impl SmallDisk {
    /// An ext4 file system of `size_mib` on `dir`, kept in the file `image`.
    pub async fn mount(image: &Path, dir: &Path, size_mib: u64) -> Self {
        let disk = Self { image: image.to_owned(), dir: dir.to_owned() };
        disk.unmount().await;
        std::fs::create_dir_all(dir).expect("the mount point");
        let file = std::fs::File::create(image).expect("the image");
        file.set_len(size_mib << 20).expect("a sparse file");
        must("mkfs.ext4", &["-q", "-m", "0", disk.image()], 30).await;
        must("mount", &["-o", "loop", disk.image(), disk.dir()], 10).await;
        disk
    }

    /// Takes all but `left_mib` MiB away.
    pub async fn fill(&self, left_mib: u64) {
        let free = must("df", &["--output=avail", "-B1M", self.dir()], 10).await;
        let free: u64 = free.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number of df");
        let size = format!("{}M", free.saturating_sub(left_mib));
        must("fallocate", &["-l", &size, self.filler().to_str().expect("UTF-8")], 30).await;
    }

    /// Gives back what [`SmallDisk::fill`] took.
    pub fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("the filler");
    }

    pub async fn remove(self) {
        self.unmount().await;
        std::fs::remove_file(&self.image).expect("the image");
    }

    async fn unmount(&self) {
        run("umount", &[self.dir()], 30).await;
    }

    fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }

    fn image(&self) -> &str {
        self.image.to_str().expect("UTF-8")
    }

    fn dir(&self) -> &str {
        self.dir.to_str().expect("UTF-8")
    }
}
