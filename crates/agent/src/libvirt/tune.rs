//! Changes to a guest while it runs. They touch the running guest only; what the next start takes is defined as a whole.
//!
//! Each does nothing where the guest is gone meanwhile. What libvirt or QEMU can't do comes back as
//! [`HostError::Refused`], with their words. The safe crate does not wrap limits of disks, so this file calls libvirt
//! itself for them.

use std::ffi::{CStr, CString};

use berth_proto::DiskLimits;
use virt::{
    domain::{SchedBandwidth, SchedulerInfo},
    error::{Error as VirtError, ErrorNumber},
};
use virt_sys as sys;

use super::{HostError, Libvirt, find};
use crate::domain_xml::CPU_PERIOD_US;

/// libvirt's word for "no quota".
const NO_QUOTA: i64 = -1;

impl Libvirt {
    /// Sets the balloon's aim; the guest's driver follows when it runs. More than the guest was started with is refused.
    pub async fn set_memory(&self, name: &str, kib: u64) -> Result<(), HostError> {
        self.on_domain("change the guest's memory", name, move |domain| {
            domain.set_memory_flags(kib, sys::VIR_DOMAIN_MEM_LIVE).map(drop)
        })
        .await
    }

    /// Memory that the guest has now, by its balloon; 0 where it is off.
    pub async fn memory_kib(&self, name: &str) -> Result<u64, HostError> {
        let name = name.to_owned();
        self.call("read the guest's memory", move |connection| {
            let Some(domain) = find(connection, &name)? else { return Ok(0) };
            if domain.is_active()? { Ok(domain.get_info()?.memory) } else { Ok(0) }
        })
        .await
    }

    /// Adds processors up to the places that the guest was started with; it still has to switch them on. More than
    /// that is refused.
    pub async fn add_vcpus(&self, name: &str, vcpus: u32) -> Result<(), HostError> {
        self.on_domain("add processors to the guest", name, move |domain| {
            domain.set_vcpus_flags(vcpus, sys::VIR_DOMAIN_VCPU_LIVE).map(drop)
        })
        .await
    }

    /// Weight against other guests, and microseconds of each period for each processor. Refused where the host gives
    /// libvirt no control group for processors.
    pub async fn set_cpu_limits(&self, name: &str, shares: u32, quota_us: Option<u64>) -> Result<(), HostError> {
        self.on_domain("limit the guest's processors", name, move |domain| {
            let quota = quota_us.and_then(|quota_us| i64::try_from(quota_us).ok()).unwrap_or(NO_QUOTA);
            let limits = SchedulerInfo {
                scheduler_type: "posix".to_owned(),
                cpu_shares: Some(shares.into()),
                vcpu_bw: SchedBandwidth { period: Some(CPU_PERIOD_US), quota: Some(quota) },
                ..SchedulerInfo::default()
            };
            domain.set_scheduler_parameters_flags(&limits, sys::VIR_DOMAIN_AFFECT_LIVE).map(drop)
        })
        .await
    }

    /// Grows a disk that the guest holds. Refused while another job works on it.
    pub async fn grow_disk(&self, name: &str, target: &str, bytes: u64) -> Result<(), HostError> {
        let target = target.to_owned();
        self.on_domain("grow the guest's disk", name, move |domain| {
            domain.block_resize(&target, bytes, sys::VIR_DOMAIN_BLOCK_RESIZE_BYTES).map(drop)
        })
        .await
    }

    /// Adds a device that the XML describes. Refused where the guest has no free port for it.
    pub async fn attach(&self, name: &str, xml: String) -> Result<(), HostError> {
        self.on_domain("add the device to the guest", name, move |domain| {
            domain.attach_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE).map(drop)
        })
        .await
    }

    /// Changes a device of the running guest to what the XML describes. Refused where that takes a start.
    pub async fn update(&self, name: &str, xml: String) -> Result<(), HostError> {
        self.on_domain("change the guest's device", name, move |domain| {
            domain.update_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE).map(drop)
        })
        .await
    }

    /// Asks the guest to give up the device that the XML describes; it is gone when the guest has.
    pub async fn detach(&self, name: &str, xml: String) -> Result<(), HostError> {
        self.on_domain("take the device out of the guest", name, move |domain| {
            domain.detach_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE).map(drop)
        })
        .await
    }

    /// All four limits of a disk at once; 0 takes a limit away.
    pub async fn set_disk_limits(&self, name: &str, target: &str, limits: DiskLimits) -> Result<(), HostError> {
        let (name, target) = (name.to_owned(), target.to_owned());
        self.call("limit the guest's disk", move |connection| {
            let Some(domain) = find(connection, &name)? else { return Ok(()) };
            let Ok(disk) = CString::new(target) else { return Ok(()) };
            let DiskLimits { read_iops, write_iops, read_bytes_s, write_bytes_s } = limits;
            let mut params = [
                param(sys::VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC, read_bytes_s),
                param(sys::VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC, write_bytes_s),
                param(sys::VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC, read_iops),
                param(sys::VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC, write_iops),
            ];
            let count = libc::c_int::try_from(params.len()).unwrap_or(0);
            // SAFETY: domain, name and parameters live until the end of the closure; libvirt copies what it keeps.
            let set = unsafe {
                sys::virDomainSetBlockIoTune(
                    domain.as_ptr(),
                    disk.as_ptr(),
                    params.as_mut_ptr(),
                    count,
                    sys::VIR_DOMAIN_AFFECT_LIVE,
                )
            };
            if set == 0 { Ok(()) } else { Err(VirtError::last_error()) }
        })
        .await
    }
}

impl HostError {
    /// Whether it is this guest's matter, and not the host's as a whole.
    pub fn is_refusal(&self) -> bool {
        matches!(self, HostError::Refused { code, .. } if *code != ErrorNumber::NoDomain)
    }
}

fn param(field: &CStr, value: u64) -> sys::virTypedParameter {
    let mut param = sys::virTypedParameter {
        field: [0; sys::VIR_TYPED_PARAM_FIELD_LENGTH as usize],
        type_: sys::VIR_TYPED_PARAM_ULLONG as libc::c_int,
        value: sys::_virTypedParameter__bindgen_ty_1 { ul: value },
    };
    // The last byte stays zero.
    let room = param.field.len() - 1;
    for (to, from) in param.field[..room].iter_mut().zip(field.to_bytes()) {
        *to = from.cast_signed();
    }
    param
}
