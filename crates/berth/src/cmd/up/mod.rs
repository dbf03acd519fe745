//! `berth up`: a working Berth on one machine. The control server under an account of its own, the agent as root,
//! and at the first start everything that a first sale needs. Each step looks before it acts, so that a second start
//! changes nothing.

mod account;
mod children;
mod configs;
mod first_server;
mod network;
mod places;
mod setup;
mod tested;

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use berth_agent::config::AgentConfig;
use berth_agent::qemu_conf::{QEMU_CONF, check_qemu_conf};
use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::process::Child;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Profile, fingerprint};
use crate::process;
use account::Account;
use first_server::Goods;
use setup::Setup;

pub use account::remove_account;
pub use places::{Memory, Places, PlacesArgs};

const ADMIN_EMAIL: &str = "admin@localhost.localdomain";
const READY_LIMIT_S: u64 = 60;
const READY_PAUSE_MS: u64 = 100;

#[derive(Debug, Args)]
pub struct UpArgs {
    #[command(flatten)]
    places: PlacesArgs,
    /// Port of the control server
    #[arg(long, env = "BERTH_PORT", default_value_t = 8443)]
    port: u16,
    /// Port of this machine's agent
    #[arg(long, env = "BERTH_AGENT_PORT", default_value_t = 8892)]
    agent_port: u16,
    /// 0 leaves the first server out
    #[arg(long, env = "BERTH_DEMO", default_value_t = 1)]
    demo: u8,
}

impl UpArgs {
    /// The second and later starts leave it as it is either way.
    fn wants_first_server(&self) -> bool {
        self.demo != 0
    }
}

pub async fn run(args: UpArgs) -> anyhow::Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "`berth up` runs servers on this machine and needs root for that: call it with sudo"
    );
    let places = Places::new(&args.places)?;
    let _lock = match places.lock()? {
        Ok(lock) => lock,
        Err(pid) => {
            println!("Berth runs already (process {}).", pid.as_raw_nonzero());
            return summary(&places, Memory::open(&places)?.get("first server"), None);
        }
    };
    for complaint in check_qemu_conf(QEMU_CONF.as_ref()) {
        println!("Note: {complaint}.");
    }
    let shutdown = CancellationToken::new();
    process::cancel_on_signal(shutdown.clone())?;
    let (account, config) = ensure_files(&places, &args).await?;
    let admin = children::first_admin(&places, account, ADMIN_EMAIL).await?;
    let mut control = children::control(&places, account)?;
    let started = tokio::select! {
        started = start(&places, &args, &config, admin, &mut control) => started,
        () = shutdown.cancelled() => {
            children::stop(vec![control]).await;
            return Ok(());
        }
    };
    let mut agent = match started {
        Ok(agent) => agent,
        Err(error) => {
            children::stop(vec![control]).await;
            return Err(error);
        }
    };
    let outcome = tokio::select! {
        outcome = offer(&places, &args, &config, &mut control, &mut agent) => outcome,
        () = shutdown.cancelled() => Ok(()),
    };
    println!("Stopping the control server and the agent. Servers keep running.");
    children::stop(vec![agent, control]).await;
    outcome
}

/// Account, folders and configuration.
async fn ensure_files(places: &Places, args: &UpArgs) -> anyhow::Result<(Account, AgentConfig)> {
    let account = account::ensure_account().await?;
    account::ensure_passable_dir(&places.data)?;
    account::ensure_private_dir(&places.control_dir, account)?;
    account::ensure_passable_dir(&places.agent_dir)?;
    configs::ensure_control_config(places, args.port)?;
    let config = configs::ensure_agent_config(places, args.agent_port)?;
    Ok((account, config))
}

/// From a control server that was just started to an agent that is part of its cluster.
async fn start(
    places: &Places,
    args: &UpArgs,
    config: &AgentConfig,
    admin: Option<children::FirstAdmin>,
    control: &mut Child,
) -> anyhow::Result<Child> {
    let url = format!("https://127.0.0.1:{}", args.port);
    let certificate = places.control_dir.join("tls.crt");
    until_serving(&certificate, &url, control).await?;
    if let Some(admin) = admin {
        let leaf = CertificateDer::from_pem_file(&certificate).with_context(|| certificate.display().to_string())?;
        let (url, token) = (Some(url.clone()), Some(admin.token));
        Profile { url, token, fingerprint: Some(fingerprint(&leaf)), ca_file: None }.write(&places.profile)?;
        println!("Administrator: {}, password: {} (shown this once)", admin.email, admin.password);
    }
    let client = client(places)?;
    let mut memory = Memory::open(places)?;
    let mut setup = Setup { client: &client, places, memory: &mut memory, config };
    let group = setup.ensure_group().await?;
    setup.ensure_enrolled(group, &url).await?;
    let hypervisor = setup.hypervisor().await?;
    let agent = children::agent(places)?;
    setup.ensure_blocks(hypervisor).await?;
    setup.ensure_package().await?;
    Ok(agent)
}

/// Templates, the first server, the summary; then it runs until somebody ends it.
async fn offer(
    places: &Places,
    args: &UpArgs,
    config: &AgentConfig,
    control: &mut Child,
    agent: &mut Child,
) -> anyhow::Result<()> {
    let shown = async {
        let client = client(places)?;
        let mut memory = Memory::open(places)?;
        let mut setup = Setup { client: &client, places, memory: &mut memory, config };
        let goods = Goods {
            group: setup.ensure_group().await?,
            hypervisor: setup.hypervisor().await?,
            package: setup.ensure_package().await?,
            template: setup.ensure_template().await?,
        };
        let ssh = match args.wants_first_server() {
            true => first_server::ensure(&client, places, &mut memory, &goods).await?,
            false => None,
        };
        summary(places, memory.get("first server"), ssh)?;
        println!("Ctrl-C stops Berth and leaves the servers running; `make down` stops them too.");
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::select! {
        outcome = shown => outcome,
        ended = children::first_end(control, agent) => ended,
    }
}

fn client(places: &Places) -> anyhow::Result<Client> {
    if !places.profile.exists() {
        bail!(
            "there is an administrator, but {} with the address and a token is gone; put it back, or remove {} to \
             begin anew",
            places.profile.display(),
            places.control_dir.display()
        );
    }
    Ok(Client::new(&Profile::read(&places.profile)?)?)
}

/// Polls: the certificate is there before the first connection is taken.
async fn until_serving(certificate: &std::path::Path, url: &str, control: &mut Child) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(READY_LIMIT_S);
    loop {
        if let Some(status) = control.try_wait()? {
            bail!("the control server ended while it started ({status}); its lines above say why");
        }
        if let Ok(leaf) = CertificateDer::from_pem_file(certificate) {
            let profile =
                Profile { url: Some(url.to_owned()), fingerprint: Some(fingerprint(&leaf)), ..Default::default() };
            // Without a token it refuses, which is an answer.
            match Client::new(&profile)?.get("/connect").await {
                Err(error) if error.status().is_none() => {}
                _ => return Ok(()),
            }
        }
        ensure!(Instant::now() < until, "the control server did not serve within {READY_LIMIT_S} s");
        sleep(Duration::from_millis(READY_PAUSE_MS)).await;
    }
}

fn summary(places: &Places, first_server: Option<i64>, ssh: Option<String>) -> anyhow::Result<()> {
    let profile = Profile::read(&places.profile)?;
    let url = profile.url.unwrap_or_default();
    println!();
    println!("Berth is up.");
    println!("  Panel      {url}/");
    println!("  API        {url}/api/v1   (its documentation: {url}/api/docs/)");
    println!("  Token      {}", profile.token.unwrap_or_default());
    println!("  Certificate, SHA-256   {}", profile.fingerprint.unwrap_or_default());
    match (ssh, first_server) {
        (Some(ssh), _) => println!("  First server   {ssh}"),
        (None, Some(id)) => println!("  First server   berth server show {id}"),
        (None, None) => {}
    }
    println!();
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        up: UpArgs,
    }

    #[test]
    fn the_first_server_is_left_out_where_that_is_asked_for() {
        for (demo, wants) in [("0", false), ("1", true)] {
            let cli = Cli::try_parse_from(["berth", "--demo", demo]).unwrap();
            assert_eq!(cli.up.wants_first_server(), wants, "{demo}");
        }
        assert!(Cli::try_parse_from(["berth", "--demo", "no"]).is_err());
    }

    /// `make` hands variables through, not flags.
    #[test]
    fn what_make_hands_through_is_read() {
        let command = Cli::command();
        let read = |flag: &str| {
            let found = command.get_arguments().find(|arg| arg.get_long() == Some(flag)).unwrap();
            (found.get_env().unwrap().to_owned(), found.get_default_values()[0].to_os_string())
        };
        assert_eq!(read("demo"), ("BERTH_DEMO".into(), "1".into()));
        assert_eq!(read("data"), ("BERTH_DATA".into(), "/var/lib/berth".into()));
        assert_eq!(read("instance"), ("BERTH_INSTANCE".into(), "berth".into()));
        let makefile = include_str!("../../../../../Makefile");
        let through = makefile.lines().find(|line| line.contains("--preserve-env=")).unwrap();
        assert!(["BERTH_DEMO", "BERTH_DATA"].iter().all(|name| through.contains(name)), "{through}");
    }
}
