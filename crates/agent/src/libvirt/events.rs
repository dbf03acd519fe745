//! Lifecycle events of guests, which the safe crate does not wrap.
//!
//! libvirt's event loop has one thread of its own for the whole process; each registration sends what it hears into
//! a channel. When the daemon goes away the caller registers again.

use std::{ffi::CStr, sync::OnceLock};

use tokio::sync::mpsc::UnboundedSender;
use virt::{connect::Connect, error::Error as VirtError, event};
use virt_sys as sys;

/// Something happened to a domain; `event` and `detail` are libvirt's numbers.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    pub name: String,
    pub event: u32,
    pub detail: u32,
}

/// Starts the event loop; it must run before the first connection is made.
pub fn start_loop() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        if event::event_register_default_impl().is_ok() {
            std::thread::spawn(|| while event::event_run_default_impl().is_ok() {});
        }
    });
}

/// A registration; dropping it ends it.
pub struct Listener {
    connection: Connect,
    id: i32,
}

impl Listener {
    pub fn register(uri: &str, events: UnboundedSender<Lifecycle>) -> Result<Self, VirtError> {
        start_loop();
        let connection = Connect::open(Some(uri))?;
        let _ = connection.set_keep_alive(5, 3);
        let opaque = Box::into_raw(Box::new(events)).cast();
        type Raw = unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, i32, i32, *mut libc::c_void);
        let callback: Raw = on_lifecycle;
        // SAFETY: libvirt calls a lifecycle callback with these five arguments although the generic type has three;
        // it hands `opaque` to `free_events` once, after the last call.
        let id = unsafe {
            sys::virConnectDomainEventRegisterAny(
                connection.as_ptr(),
                std::ptr::null_mut(),
                sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE as i32,
                Some(std::mem::transmute::<
                    Raw,
                    unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut libc::c_void),
                >(callback)),
                opaque,
                Some(free_events),
            )
        };
        if id < 0 {
            return Err(VirtError::last_error());
        }
        Ok(Self { connection, id })
    }

    pub fn is_alive(&self) -> bool {
        self.connection.is_alive().unwrap_or(false)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // SAFETY: the id is of this connection and was not deregistered before.
        unsafe { sys::virConnectDomainEventDeregisterAny(self.connection.as_ptr(), self.id) };
    }
}

unsafe extern "C" fn on_lifecycle(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    event: i32,
    detail: i32,
    opaque: *mut libc::c_void,
) {
    // SAFETY: `opaque` is the box of `register`, alive until `free_events`; the name lives as long as the domain,
    // which libvirt holds during this call.
    let (events, name) =
        unsafe { (&*opaque.cast::<UnboundedSender<Lifecycle>>(), CStr::from_ptr(sys::virDomainGetName(domain))) };
    let name = name.to_string_lossy().into_owned();
    let _ = events.send(Lifecycle { name, event: event.unsigned_abs(), detail: detail.unsigned_abs() });
}

unsafe extern "C" fn free_events(opaque: *mut libc::c_void) {
    // SAFETY: made by `register` with `Box::into_raw`, and freed only here.
    drop(unsafe { Box::from_raw(opaque.cast::<UnboundedSender<Lifecycle>>()) });
}
