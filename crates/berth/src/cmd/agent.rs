//! `berth agent`: the agent, which does on one node what the control server decides.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use berth_agent::config::{AgentConfig, LogFormat};
use berth_agent::{enrol, node};
use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::process;

const DEFAULT_CONFIG: &str = "/var/lib/berth/agent/agent.toml";

#[derive(Debug, Args)]
pub struct AgentArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent of this node
    Run {
        #[arg(long, default_value = DEFAULT_CONFIG)]
        config: PathBuf,
    },
    /// Print the unit file for systemd
    Unit,
    /// Join a cluster with a one-time token: `berth hypervisor token` makes one
    Enrol(EnrolArgs),
}

#[derive(Debug, Args)]
struct EnrolArgs {
    #[arg(long, default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Address of the control server, e.g. https://berth.example.com:8443
    #[arg(long)]
    control: String,
    #[arg(long, env = "BERTH_ENROLMENT_TOKEN", hide_env_values = true)]
    token: String,
    /// IP address at which the control server reaches this node; the port is the configuration's
    #[arg(long)]
    address: String,
}

pub async fn run(args: AgentArgs) -> anyhow::Result<()> {
    match args.command {
        Command::Run { config } => {
            let config = AgentConfig::load(&config)?;
            process::start_logging(config.log_format == LogFormat::Json);
            let shutdown = CancellationToken::new();
            process::cancel_on_signal(shutdown.clone())?;
            process::return_memory();
            node::run(config, shutdown).await
        }
        Command::Unit => {
            print!("{}", include_str!("../../../../packaging/systemd/berth-agent.service"));
            Ok(())
        }
        Command::Enrol(args) => {
            process::start_logging(false);
            join(&args).await
        }
    }
}

async fn join(args: &EnrolArgs) -> anyhow::Result<()> {
    let config = AgentConfig::load(&args.config)?;
    let address = args.address.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| args.address.parse());
    let address = address.with_context(|| format!("{:?} is not an IP address", args.address))?;
    let accelerator = node::accelerator(&config).await?;
    let joining = enrol::Joining { control_url: &args.control, token: &args.token, address };
    let identity = enrol::enrol(&config, &joining, &accelerator).await?;
    println!("This node is now {} of cluster {}.", identity.names.node_uuid, identity.names.cluster_uuid);
    Ok(())
}
