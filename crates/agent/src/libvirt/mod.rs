//! libvirt: the few calls that the agent makes, each off the async threads, with a time limit and a sentence.
//!
//! The connection is made when it is needed and again after libvirtd went away.

pub mod events;
mod pull;
pub mod screenshot;
mod security;
pub mod stats;
mod tune;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use virt::{
    connect::Connect,
    domain::Domain,
    error::{Error as VirtError, ErrorNumber},
};
use virt_sys as sys;

/// Starting a guest under load takes a few seconds; everything else far less.
const CALL_LIMIT: Duration = Duration::from_secs(60);
const AGENT_LIMIT_S: i32 = 5;

#[derive(Clone)]
pub struct Libvirt {
    uri: Arc<str>,
    connection: Arc<Mutex<Option<Connect>>>,
    /// Domains and their disks that are being copied off their template.
    pulls: Arc<Mutex<HashSet<(String, String)>>>,
}

/// What libvirt keeps of a domain.
#[derive(Clone, Debug)]
pub struct Definitions {
    /// The definition that the next start takes; none where the domain is gone when it stops.
    pub stored: Option<String>,
    /// What the running guest has.
    pub running: Option<String>,
    /// Another libvirt may write the same definition in other words.
    pub libvirt: u32,
}

/// What a domain does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Absent,
    Off { reason: i32 },
    Running,
    Paused,
    ShuttingDown,
    Crashed,
}

impl State {
    /// libvirt's `virDomainState`, and the reason that goes with it.
    pub fn of(state: sys::virDomainState, reason: i32) -> Self {
        match state {
            sys::VIR_DOMAIN_RUNNING | sys::VIR_DOMAIN_BLOCKED => Self::Running,
            sys::VIR_DOMAIN_PAUSED | sys::VIR_DOMAIN_PMSUSPENDED => Self::Paused,
            sys::VIR_DOMAIN_SHUTDOWN => Self::ShuttingDown,
            sys::VIR_DOMAIN_CRASHED => Self::Crashed,
            _ => Self::Off { reason },
        }
    }

    pub fn is_active(self) -> bool {
        matches!(self, State::Running | State::Paused | State::ShuttingDown)
    }
}

/// Off because the guest shut itself down, or was asked to and did.
pub const OFF_BY_SHUTDOWN: i32 = sys::VIR_DOMAIN_SHUTOFF_SHUTDOWN as i32;
/// Off because its QEMU is gone without having said so.
pub const OFF_BY_CRASH: i32 = sys::VIR_DOMAIN_SHUTOFF_CRASHED as i32;
/// Off because it could not be started.
pub const OFF_BY_FAILED_START: i32 = sys::VIR_DOMAIN_SHUTOFF_FAILED as i32;

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("libvirt on this node does not answer: {0}")]
    Away(String),
    #[error("libvirt could not {what}: {why}")]
    Refused { what: String, why: String, code: ErrorNumber },
    #[error("libvirt did not {what} within {} s", CALL_LIMIT.as_secs())]
    Slow { what: String },
}

impl Libvirt {
    pub fn new(uri: &str) -> Self {
        Self { uri: uri.into(), connection: Arc::default(), pulls: Arc::default() }
    }

    /// Runs `work` on a thread for blocking calls, with a connection that was alive just now.
    pub async fn call<T: Send + 'static>(
        &self,
        what: &str,
        work: impl FnOnce(&Connect) -> Result<T, VirtError> + Send + 'static,
    ) -> Result<T, HostError> {
        let this = self.clone();
        let blocking = tokio::task::spawn_blocking(move || {
            let connection = this.connection().map_err(|error| HostError::Away(error.message().to_owned()))?;
            work(&connection).map_err(|error| this.explain(&connection, &error))
        });
        match tokio::time::timeout(CALL_LIMIT, blocking).await {
            Ok(Ok(outcome)) => outcome.map_err(|error| error.doing(what)),
            Ok(Err(_)) => Err(HostError::Away("the call was broken off".to_owned())),
            Err(_) => Err(HostError::Slow { what: what.to_owned() }),
        }
    }

    fn connection(&self) -> Result<Connect, VirtError> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = slot.as_ref()
            && connection.is_alive().unwrap_or(false)
        {
            return Ok(connection.clone());
        }
        *slot = None;
        // libvirt prints each error itself, also those that are expected, like a guest agent that is not up yet.
        virt::error::clear_error_callback();
        events::start_loop();
        let fresh = Connect::open(Some(&self.uri))?;
        // Finds out within 15 s that the daemon went away without closing its socket.
        let _ = fresh.set_keep_alive(5, 3);
        *slot = Some(fresh.clone());
        Ok(fresh)
    }

    /// A daemon that goes away in the middle of a call is seen by its connection; the call's own error may be any.
    fn explain(&self, connection: &Connect, error: &VirtError) -> HostError {
        let why = error.message().trim_end_matches('.').to_owned();
        let away = matches!(error.code(), ErrorNumber::Rpc | ErrorNumber::NoConnect | ErrorNumber::InvalidConn);
        if away || !connection.is_alive().unwrap_or(false) {
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return HostError::Away(why);
        }
        HostError::Refused { what: String::new(), why, code: error.code() }
    }

    pub async fn version(&self) -> Result<(u32, u32), HostError> {
        self.call("tell its version", |connection| Ok((connection.get_lib_version()?, connection.get_hyp_version()?)))
            .await
    }

    /// By which it confines guests: "apparmor", "selinux" or "none".
    pub async fn security_driver(&self) -> Result<String, HostError> {
        let told = self.call("tell what it can", |connection| connection.get_capabilities()).await?;
        Ok(security::driver(&told))
    }

    pub async fn state(&self, name: &str) -> Result<State, HostError> {
        let name = name.to_owned();
        self.call("look up a guest", move |connection| match find(connection, &name)? {
            None => Ok(State::Absent),
            Some(domain) => state_of(&domain),
        })
        .await
    }

    /// libvirt's number of the running guest, another one after each start.
    pub async fn running_id(&self, name: &str) -> Result<Option<u32>, HostError> {
        let name = name.to_owned();
        self.call("look up a guest", move |connection| Ok(find(connection, &name)?.and_then(|domain| domain.get_id())))
            .await
    }

    pub async fn definitions(&self, name: &str) -> Result<Definitions, HostError> {
        let name = name.to_owned();
        self.call("read a guest's definition", move |connection| {
            let libvirt = connection.get_lib_version()?;
            let Some(domain) = find(connection, &name)? else {
                return Ok(Definitions { stored: None, running: None, libvirt });
            };
            let running = if domain.is_active()? { Some(domain.get_xml_desc(0)?) } else { None };
            let stored =
                if domain.is_persistent()? { Some(domain.get_xml_desc(sys::VIR_DOMAIN_XML_INACTIVE)?) } else { None };
            Ok(Definitions { stored, running, libvirt })
        })
        .await
    }

    pub async fn define(&self, xml: String) -> Result<(), HostError> {
        self.call("define the guest", move |connection| Domain::define_xml(connection, &xml).map(|_| ())).await
    }

    /// Whether libvirt takes a definition, by its schema and its driver's rules: defined under the name in it, which
    /// begins with `trial_prefix`, and undefined at once. Firmware variables are left alone, which another domain has.
    pub async fn try_out(&self, xml: String, trial_prefix: String) -> Result<(), HostError> {
        self.call("take the definition", move |connection| {
            let undefine = |domain: &Domain| domain.undefine_flags(sys::VIR_DOMAIN_UNDEFINE_KEEP_NVRAM);
            // Of a try that was killed in between.
            for left in connection.list_all_domains(sys::VIR_CONNECT_LIST_DOMAINS_INACTIVE)? {
                if left.get_name()?.starts_with(&trial_prefix) {
                    undefine(&left)?;
                }
            }
            undefine(&Domain::define_xml_flags(connection, &xml, sys::VIR_DOMAIN_DEFINE_VALIDATE)?)
        })
        .await
    }

    /// Starts the stored definition; a guest that runs is left alone.
    pub async fn start(&self, name: &str) -> Result<(), HostError> {
        self.on_domain(
            "start the guest",
            name,
            |domain| {
                if domain.is_active()? { Ok(()) } else { domain.create().map(|_| ()) }
            },
        )
        .await
    }

    pub async fn destroy(&self, name: &str) -> Result<(), HostError> {
        self.on_domain("power the guest off", name, |domain| {
            if domain.is_active()? { ignoring(domain.destroy(), ErrorNumber::OperationInvalid) } else { Ok(()) }
        })
        .await
    }

    pub async fn shutdown(&self, name: &str) -> Result<(), HostError> {
        self.on_domain("tell the guest to shut down", name, |domain| {
            if domain.is_active()? { domain.shutdown().map(|_| ()) } else { Ok(()) }
        })
        .await
    }

    /// Removes the definition with its UEFI variables and what its TPM kept; none there is no error.
    pub async fn undefine(&self, name: &str) -> Result<(), HostError> {
        self.on_domain("remove the guest's definition", name, |domain| {
            let flags = sys::VIR_DOMAIN_UNDEFINE_NVRAM
                | sys::VIR_DOMAIN_UNDEFINE_TPM
                | sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                | sys::VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
            domain.undefine_flags(flags)
        })
        .await
    }

    /// A command to the guest agent, and its `return` value.
    pub async fn guest_agent(&self, name: &str, command: &serde_json::Value) -> Result<serde_json::Value, HostError> {
        let (name, command) = (name.to_owned(), command.to_string());
        let answer = self
            .call("ask the guest agent", move |connection| match find(connection, &name)? {
                Some(domain) => domain.qemu_agent_command(&command, AGENT_LIMIT_S, 0),
                None => Ok("{}".to_owned()),
            })
            .await?;
        let mut answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        Ok(answer["return"].take())
    }

    /// A command to QEMU's monitor.
    pub async fn monitor(&self, name: &str, command: &serde_json::Value) -> Result<(), HostError> {
        let command = command.to_string();
        self.on_domain("change the guest's console", name, move |domain| {
            domain.qemu_monitor_command(&command, 0).map(|_| ())
        })
        .await
    }

    /// Replaces the disc in a drive of the running guest by what `drive_xml` says; a guest that holds on to its disc is
    /// not asked.
    pub async fn change_disc(&self, name: &str, drive_xml: String) -> Result<(), HostError> {
        self.on_domain("change the disc in the guest's drive", name, move |domain| {
            let flags = sys::VIR_DOMAIN_DEVICE_MODIFY_LIVE | sys::VIR_DOMAIN_DEVICE_MODIFY_FORCE;
            domain.update_device_flags(&drive_xml, flags).map(|_| ())
        })
        .await
    }

    /// Names of all domains, active or not, that begin with `prefix`.
    pub async fn names(&self, prefix: &str) -> Result<Vec<String>, HostError> {
        let prefix = prefix.to_owned();
        self.call("list the guests", move |connection| {
            let domains = connection.list_all_domains(0)?;
            let names = domains.iter().map(Domain::get_name).collect::<Result<Vec<_>, _>>()?;
            Ok(names.into_iter().filter(|name| name.starts_with(&prefix)).collect())
        })
        .await
    }

    /// A guest that is gone meanwhile is what the caller wanted, or finds out at its next look.
    async fn on_domain(
        &self,
        what: &str,
        name: &str,
        work: impl FnOnce(&Domain) -> Result<(), VirtError> + Send + 'static,
    ) -> Result<(), HostError> {
        let name = name.to_owned();
        self.call(what, move |connection| match find(connection, &name)? {
            Some(domain) => work(&domain),
            None => Ok(()),
        })
        .await
    }
}

impl HostError {
    fn doing(self, doing: &str) -> Self {
        match self {
            HostError::Refused { why, code, .. } => HostError::Refused { what: doing.to_owned(), why, code },
            other => other,
        }
    }
}

fn find(connection: &Connect, name: &str) -> Result<Option<Domain>, VirtError> {
    match Domain::lookup_by_name(connection, name) {
        Ok(domain) => Ok(Some(domain)),
        Err(error) if error.code() == ErrorNumber::NoDomain => Ok(None),
        Err(error) => Err(error),
    }
}

fn state_of(domain: &Domain) -> Result<State, VirtError> {
    let (state, reason) = domain.get_state()?;
    Ok(State::of(state, reason))
}

fn ignoring(outcome: Result<(), VirtError>, code: ErrorNumber) -> Result<(), VirtError> {
    match outcome {
        Err(error) if error.code() == code => Ok(()),
        outcome => outcome,
    }
}
