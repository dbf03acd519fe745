//! What is mounted where: a folder that something should be mounted on is only used while it is, since what is written
//! there otherwise fills the disk below.

use std::path::{Path, PathBuf};

/// Of this process, as the kernel tells (proc_pid_mountinfo(5)).
pub const MOUNTINFO: &str = "/proc/self/mountinfo";

/// The type of the file system that is mounted exactly there, the topmost one; none where nothing is.
pub fn mounted(mountinfo: &str, path: &Path) -> Option<String> {
    mountinfo.lines().filter_map(line).rfind(|(at, _)| at == path).map(|(_, kind)| kind.to_owned())
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`: where, and the type.
fn line(line: &str) -> Option<(PathBuf, &str)> {
    let (place, kind) = line.split_once(" - ")?;
    Some((unescaped(place.split(' ').nth(4)?).into(), kind.split(' ').next()?))
}

/// Blanks and the like are written as `\040`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let code = (*first == b'\\').then(|| more.get(..3)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &more[3..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_found_by_its_place_alone() {
        let info = "36 35 98:0 / / rw - ext4 /dev/root rw\n37 36 0:9 / /mnt/a\\040b rw,noatime shared:1 - xfs /dev/x rw\n\
                    38 36 0:9 / /mnt/nfs rw - autofs x rw\n39 38 0:9 / /mnt/nfs rw - nfs4 host:/x rw\nnonsense\n";
        assert_eq!(mounted(info, Path::new("/mnt/a b")).as_deref(), Some("xfs"));
        assert_eq!(mounted(info, Path::new("/mnt/nfs")).as_deref(), Some("nfs4"), "the topmost");
        assert_eq!((mounted(info, Path::new("/mnt")), mounted("", Path::new("/"))), (None, None));
        assert_eq!(unescaped(r"a\134040\0"), r"a\040\0");
    }
}
