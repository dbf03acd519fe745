//! A linked clone becomes independent of its template while its guest runs: libvirt's block pull.
//!
//! The safe crate does not wrap block jobs, so this file calls libvirt itself.

use std::ffi::CString;

use virt::error::Error as VirtError;
use virt_sys as sys;

use super::{HostError, Libvirt, find};

impl Libvirt {
    /// Starts to copy what a disk still reads from its template, at most `mib_s` a second. A copy that runs already
    /// is left to run.
    pub async fn pull(&self, name: &str, target: &str, mib_s: u64) -> Result<(), HostError> {
        let (name, target) = (name.to_owned(), target.to_owned());
        self.call("copy the rest of the template into a disk", move |connection| {
            let Some(domain) = find(connection, &name)? else { return Ok(()) };
            let Ok(disk) = CString::new(target) else { return Ok(()) };
            let mut info = sys::virDomainBlockJobInfo { type_: 0, bandwidth: 0, cur: 0, end: 0 };
            // SAFETY: the domain is held until the end of this closure, `disk` and `info` live as long.
            let running = unsafe { sys::virDomainGetBlockJobInfo(domain.as_ptr(), disk.as_ptr(), &mut info, 0) };
            if running == 1 {
                return Ok(());
            }
            // SAFETY: as above; libvirt copies the name.
            let started = unsafe { sys::virDomainBlockPull(domain.as_ptr(), disk.as_ptr(), mib_s, 0) };
            if started == 0 { Ok(()) } else { Err(VirtError::last_error()) }
        })
        .await
    }
}
