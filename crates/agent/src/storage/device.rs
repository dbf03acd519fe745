//! Disks that are devices: thin volumes of LVM, volumes of ZFS, images of Ceph. Each is made under another name and
//! renamed when it is whole, as files are, and is only ever grown.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{lvm, lvm::Thin, rbd, zfs::DataSet};
use crate::cmd::{Cmd, CmdError};
use crate::disk::{self, DiskError, ImageRef};

/// Changes of a storage wait for its other users.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(120);
/// Until udev has made a volume's device.
const DEVICE_LIMIT: Duration = Duration::from_secs(20);
const DEVICE_POLL: Duration = Duration::from_millis(100);
/// Of the name of what is not whole yet.
const PART: &str = ".part";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Devices {
    Lvm(Thin),
    Zfs(DataSet),
    Rbd(rbd::Pool),
}

impl Devices {
    /// The device on the node; none where QEMU reaches the volume itself.
    pub fn device(&self, name: &str) -> Option<PathBuf> {
        match self {
            Devices::Lvm(pool) => Some(pool.device(name).into()),
            Devices::Zfs(set) => Some(set.device(name).into()),
            Devices::Rbd(_) => None,
        }
    }

    /// As QEMU's programs take it.
    pub fn target(&self, name: &str) -> String {
        match self {
            Devices::Lvm(pool) => pool.device(name),
            Devices::Zfs(set) => set.device(name),
            Devices::Rbd(pool) => pool.target(name),
        }
    }

    fn look(&self, name: &str) -> Cmd {
        match self {
            Devices::Lvm(pool) => pool.look(name),
            Devices::Zfs(set) => set.look(name),
            Devices::Rbd(pool) => pool.look(name),
        }
    }

    fn create(&self, name: &str, bytes: u64) -> Cmd {
        match self {
            Devices::Lvm(pool) => pool.create(name, bytes),
            Devices::Zfs(set) => set.create(name, bytes),
            Devices::Rbd(pool) => pool.create(name, bytes),
        }
    }

    fn grow(&self, name: &str, bytes: u64) -> Cmd {
        match self {
            Devices::Lvm(pool) => pool.grow(name, bytes),
            Devices::Zfs(set) => set.grow(name, bytes),
            Devices::Rbd(pool) => pool.grow(name, bytes),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Cmd {
        match self {
            Devices::Lvm(pool) => pool.rename(from, to),
            Devices::Zfs(set) => set.rename(from, to),
            Devices::Rbd(pool) => pool.rename(from, to),
        }
    }

    fn removal(&self, name: &str) -> Cmd {
        match self {
            Devices::Lvm(pool) => pool.remove(name),
            Devices::Zfs(set) => set.remove(name),
            Devices::Rbd(pool) => pool.remove(name),
        }
    }

    /// All commands of a volume's life, for golden files.
    #[cfg(test)]
    pub fn commands(&self, part: &str, name: &str, bytes: u64, grown: u64) -> Vec<Cmd> {
        let probe = match self {
            Devices::Lvm(pool) => vec![pool.wake(name), pool.probe()],
            Devices::Zfs(set) => vec![set.probe()],
            Devices::Rbd(pool) => vec![pool.probe()],
        };
        let life = [self.look(name), self.create(part, bytes), self.rename(part, name), self.grow(name, grown)];
        life.into_iter().chain([self.removal(name)]).chain(probe).collect()
    }

    /// Bytes of the volume; none where there is none.
    pub async fn size(&self, name: &str) -> Result<Option<u64>, DiskError> {
        let answer = match self.look(name).run().await {
            Ok(output) => output.text(),
            Err(error) if is_not_there(&error) => return Ok(None),
            Err(error) => return Err(DiskError::Tool(error)),
        };
        let strange = |why: String| DiskError::Refused(format!("{}: {why}", self.target(name)));
        let text = answer.trim();
        match self {
            Devices::Lvm(_) if text.is_empty() => Ok(None),
            Devices::Rbd(_) => rbd::size(text).map(Some).map_err(strange),
            _ => text.parse().map(Some).map_err(|_| strange("its size can't be read".to_owned())),
        }
    }

    /// Makes the volume where it is missing and grows it where it is smaller.
    pub async fn ensure(
        &self,
        name: &str,
        bytes: u64,
        image: Option<&ImageRef>,
        progress: impl Fn(u32),
    ) -> Result<u64, DiskError> {
        let size = match self.size(name).await? {
            Some(size) => size,
            None => self.make(name, bytes, image, progress).await?,
        };
        self.ensure_awake(name).await?;
        if size >= bytes {
            return Ok(size);
        }
        self.change(name, self.grow(name, bytes)).await?;
        Ok(self.size(name).await?.unwrap_or(bytes))
    }

    async fn make(
        &self,
        name: &str,
        bytes: u64,
        image: Option<&ImageRef>,
        progress: impl Fn(u32),
    ) -> Result<u64, DiskError> {
        if let Some(image) = image.filter(|image| image.virtual_bytes > bytes) {
            return Err(disk::too_small(image, bytes >> 30));
        }
        let part = format!("{name}{PART}");
        self.remove_one(&part).await?;
        let made = async {
            self.change(&part, self.create(&part, bytes)).await?;
            if let Some(image) = image {
                self.ensure_awake(&part).await?;
                disk::copy_onto(&self.target(&part), image, progress).await?;
            }
            self.change(name, self.rename(&part, name)).await
        };
        if let Err(error) = made.await {
            let _ = self.remove_one(&part).await;
            return Err(error);
        }
        self.size(name).await?.ok_or_else(|| DiskError::Refused(format!("{} was made and is gone", self.target(name))))
    }

    /// Its device is there.
    async fn ensure_awake(&self, name: &str) -> Result<(), DiskError> {
        let Some(device) = self.device(name) else { return Ok(()) };
        if device.exists() {
            return Ok(());
        }
        if let Devices::Lvm(pool) = self {
            self.change(name, pool.wake(name)).await?;
        }
        let end = tokio::time::Instant::now() + DEVICE_LIMIT;
        while !device.exists() {
            if tokio::time::Instant::now() >= end {
                return Err(DiskError::Refused(format!("{} does not come up", device.display())));
            }
            tokio::time::sleep(DEVICE_POLL).await;
        }
        Ok(())
    }

    /// Removes it, and what an interrupted making left of it.
    pub async fn remove(&self, name: &str) -> Result<(), DiskError> {
        self.remove_one(name).await?;
        self.remove_one(&format!("{name}{PART}")).await
    }

    async fn remove_one(&self, name: &str) -> Result<(), DiskError> {
        if self.size(name).await?.is_some() {
            self.change(name, self.removal(name)).await?;
        }
        Ok(())
    }

    async fn change(&self, name: &str, cmd: Cmd) -> Result<(), DiskError> {
        let target = self.target(name);
        cmd.timeout(CHANGE_TIMEOUT).run().await.map(drop).map_err(DiskError::tool(Path::new(&target)))
    }

    /// Size and free room of the whole, or why it can't be used.
    pub async fn probe(&self) -> Result<super::probe::Room, String> {
        let (cmd, package) = match self {
            Devices::Lvm(pool) => (pool.probe(), "lvm2"),
            Devices::Zfs(set) => (set.probe(), "zfsutils-linux"),
            Devices::Rbd(pool) => (pool.probe(), "ceph-common"),
        };
        let output = cmd.run().await.map_err(|error| match error {
            CmdError::Start { .. } => format!("{error} (Debian's package {package})"),
            error => error.to_string(),
        })?;
        let text = output.text();
        match self {
            Devices::Lvm(_) => lvm::room(&text),
            Devices::Zfs(_) => super::zfs::room(&text),
            Devices::Rbd(pool) => rbd::room(&text, &pool.name),
        }
    }
}

/// How these programs say that there is no such volume; LVM is asked in a way that it says nothing.
fn is_not_there(error: &CmdError) -> bool {
    let said = error.stderr();
    said.contains("dataset does not exist") || said.contains("(2) No such file or directory")
}
