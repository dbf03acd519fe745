//! The account under which the control server runs: it decides, and needs no privilege of the host for that.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use anyhow::Context as _;
use berth_agent::cmd::Cmd;

const NAME: &str = "berth";
const PASSWD: &str = "/etc/passwd";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// The system account `berth`, made where it lacks.
pub async fn ensure_account() -> anyhow::Result<Account> {
    if let Some(account) = find()? {
        return Ok(account);
    }
    println!("Making the system account {NAME:?} for the control server.");
    let make = Cmd::new("useradd").args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]);
    make.args(["--shell", "/usr/sbin/nologin", NAME]).run().await?;
    find()?.with_context(|| format!("the account {NAME} was made and is not in {PASSWD}"))
}

pub async fn remove_account() -> anyhow::Result<()> {
    if find()?.is_some() {
        Cmd::new("userdel").arg(NAME).run().await?;
    }
    Ok(())
}

fn find() -> anyhow::Result<Option<Account>> {
    Ok(parse(&std::fs::read_to_string(PASSWD).context(PASSWD)?))
}

fn parse(passwd: &str) -> Option<Account> {
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == NAME)?;
    Some(Account { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
}

/// A folder that only this account enters.
pub fn ensure_private_dir(dir: &Path, account: Account) -> anyhow::Result<()> {
    let make = || {
        std::fs::create_dir_all(dir)?;
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
        chown(dir, Some(account.uid), Some(account.gid))
    };
    make().with_context(|| dir.display().to_string())
}

/// A folder that everybody may pass through, not read.
pub fn ensure_passable_dir(dir: &Path) -> anyhow::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let make = || {
        std::fs::create_dir_all(dir)?;
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711))
    };
    make().with_context(|| dir.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nberthold:x:5:5::/:/\nberth:x:998:997::/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(parse(passwd), Some(Account { uid: 998, gid: 997 }));
        assert_eq!(parse("berthold:x:5:5::/:/\n"), None);
    }
}
