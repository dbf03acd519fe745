//! Figures of all guests in one call, which the safe crate hands over unread.

use std::{collections::HashMap, ffi::CStr};

use virt::error::Error as VirtError;
use virt_sys as sys;

use super::{HostError, Libvirt};

/// One guest's figures by libvirt's names, `cpu.time`, `block.0.rd.bytes` and so on.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub name: String,
    pub numbers: HashMap<String, u64>,
    pub texts: HashMap<String, String>,
}

impl Figures {
    pub fn number(&self, field: &str) -> u64 {
        self.numbers.get(field).copied().unwrap_or(0)
    }

    /// How long its processors have waited for the node's, in nanoseconds, summed over all of them; and how many they are.
    pub fn waited(&self) -> (u64, u64) {
        let delays = self.numbers.iter().filter(|(field, _)| field.starts_with("vcpu.") && field.ends_with(".delay"));
        delays.fold((0, 0), |(sum, count), (_, ns)| (sum + ns, count + 1))
    }

    pub fn text(&self, field: &str) -> &str {
        self.texts.get(field).map_or("", String::as_str)
    }
}

impl Libvirt {
    /// State, CPU, balloon, interfaces and disks of every guest whose name begins with `prefix`; without the disks while
    /// one of them is copied, see `pull.rs`.
    pub async fn figures(&self, prefix: &str) -> Result<Vec<Figures>, HostError> {
        let (this, prefix) = (self.clone(), prefix.to_owned());
        self.call("tell the guests' figures", move |connection| {
            let disks = if this.pulls_run(connection) { 0 } else { sys::VIR_DOMAIN_STATS_BLOCK };
            let wanted = sys::VIR_DOMAIN_STATS_STATE
                | sys::VIR_DOMAIN_STATS_CPU_TOTAL
                | sys::VIR_DOMAIN_STATS_VCPU
                | sys::VIR_DOMAIN_STATS_BALLOON
                | sys::VIR_DOMAIN_STATS_INTERFACE
                | disks;
            let mut records: *mut sys::virDomainStatsRecordPtr = std::ptr::null_mut();
            // A guest whose monitor is busy is told without the figures that need it.
            let flags = sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
            // SAFETY: libvirt fills `records` with as many as it answers; they are freed below, once.
            let count = unsafe { sys::virConnectGetAllDomainStats(connection.as_ptr(), wanted, &mut records, flags) };
            let Ok(count) = usize::try_from(count) else { return Err(VirtError::last_error()) };
            let mut all = Vec::with_capacity(count);
            for place in 0..count {
                // SAFETY: `records` has `count` valid entries.
                all.push(unsafe { read(*records.add(place)) });
            }
            // SAFETY: allocated by the call above.
            unsafe { sys::virDomainStatsRecordListFree(records) };
            all.retain(|figures: &Figures| figures.name.starts_with(&prefix));
            Ok(all)
        })
        .await
    }
}

/// # Safety
/// `record` is one that libvirt answered and that was not freed.
unsafe fn read(record: sys::virDomainStatsRecordPtr) -> Figures {
    // SAFETY: the caller's promise; the domain and its name live as long as the record.
    let (record, name) = unsafe { (&*record, CStr::from_ptr(sys::virDomainGetName((*record).dom))) };
    let mut figures = Figures { name: name.to_string_lossy().into_owned(), ..Figures::default() };
    for place in 0..usize::try_from(record.nparams).unwrap_or(0) {
        // SAFETY: `params` has `nparams` entries; the union's field is the one that the type names.
        unsafe {
            let param = &*record.params.add(place);
            let field = CStr::from_ptr(param.field.as_ptr()).to_string_lossy().into_owned();
            let number = match param.type_.unsigned_abs() {
                sys::VIR_TYPED_PARAM_INT => u64::try_from(param.value.i).ok(),
                sys::VIR_TYPED_PARAM_UINT => Some(u64::from(param.value.ui)),
                sys::VIR_TYPED_PARAM_LLONG => u64::try_from(param.value.l).ok(),
                sys::VIR_TYPED_PARAM_ULLONG => Some(param.value.ul),
                sys::VIR_TYPED_PARAM_STRING => {
                    figures.texts.insert(field.clone(), CStr::from_ptr(param.value.s).to_string_lossy().into_owned());
                    None
                }
                _ => None,
            };
            if let Some(number) = number {
                figures.numbers.insert(field, number);
            }
        }
    }
    figures
}
