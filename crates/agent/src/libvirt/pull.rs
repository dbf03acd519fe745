//! A linked clone becomes independent of its template while its guest runs: libvirt's block pull.
//!
//! The safe crate does not wrap block jobs, so this file calls libvirt itself.
//!
//! QEMU 7.2 takes its filter node out of the disk's graph at the end of the copy, and answers its monitor meanwhile. Who
//! asks for figures of disks in that moment makes it follow a null pointer (`bdrv_refresh_filename`), and the guest is
//! gone. So a guest's disks are asked for nothing while one of them is copied, and guests of others never: nobody here
//! knows what theirs do.

use std::{
    collections::HashSet,
    ffi::CString,
    sync::{MutexGuard, PoisonError},
};

use virt::{connect::Connect, domain::Domain, error::Error as VirtError};
use virt_sys as sys;

use super::{HostError, Libvirt, find};

impl Libvirt {
    /// Starts to copy what a disk still reads from its template, at most `mib_s` a second. A copy that runs already
    /// is left to run.
    pub async fn pull(&self, name: &str, target: &str, mib_s: u64) -> Result<(), HostError> {
        let (this, name, target) = (self.clone(), name.to_owned(), target.to_owned());
        self.call("copy the rest of the template into a disk", move |connection| {
            let Some(domain) = find(connection, &name)? else { return Ok(()) };
            let Ok(disk) = CString::new(target.as_str()) else { return Ok(()) };
            // Held until it has begun: figures are asked for before or after.
            let mut pulls = this.pulls();
            pulls.insert((name, target));
            if runs(&domain, &disk) {
                return Ok(());
            }
            // SAFETY: the domain is held until the end of this closure; libvirt copies the name.
            let started = unsafe { sys::virDomainBlockPull(domain.as_ptr(), disk.as_ptr(), mib_s, 0) };
            if started == 0 { Ok(()) } else { Err(VirtError::last_error()) }
        })
        .await
    }

    /// That a copy may run which an agent before this one began.
    pub fn expect_pull(&self, name: &str, target: &str) {
        self.pulls().insert((name.to_owned(), target.to_owned()));
    }

    /// The copies that run, as far as they were begun or expected here. None begins while the answer is held.
    pub(super) fn running_pulls(&self, connection: &Connect) -> MutexGuard<'_, HashSet<(String, String)>> {
        let mut pulls = self.pulls();
        pulls.retain(|(name, target)| {
            let domain = find(connection, name).ok().flatten();
            domain.zip(CString::new(target.as_str()).ok()).is_some_and(|(domain, disk)| runs(&domain, &disk))
        });
        pulls
    }

    fn pulls(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.pulls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This question is answered from the list of jobs, and does not touch the disks.
fn runs(domain: &Domain, disk: &CString) -> bool {
    let mut info = sys::virDomainBlockJobInfo { type_: 0, bandwidth: 0, cur: 0, end: 0 };
    // SAFETY: the domain is held by the caller, `disk` and `info` live as long as the call.
    unsafe { sys::virDomainGetBlockJobInfo(domain.as_ptr(), disk.as_ptr(), &mut info, 0) == 1 }
}
