//! `berth control`: the control server, which decides.

use std::path::PathBuf;

use berth_control::config::{Config, LogFormat};
use berth_control::{bootstrap, start};
use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::process;

#[derive(Debug, Args)]
pub struct ControlArgs {
    /// TOML file; the environment (BERTH_CONTROL_...) wins over it
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the administrator and a first token, and print both as JSON; null where there is an administrator
    FirstAdmin {
        #[arg(long)]
        email: String,
    },
    /// Print the unit file for systemd
    Unit,
}

pub async fn run(args: ControlArgs) -> anyhow::Result<()> {
    if let Some(Command::Unit) = args.command {
        print!("{}", include_str!("../../../../packaging/systemd/berth-control.service"));
        return Ok(());
    }
    let config = Config::load(args.config.as_deref())?;
    process::start_logging(config.log_format == LogFormat::Json);
    let ctx = start::start(config).await?;
    if let Some(Command::FirstAdmin { email }) = args.command {
        let made = bootstrap::first_admin(&ctx, &email).await?;
        let told = made.map(|m| serde_json::json!({"email": m.email, "password": m.password, "token": m.token}));
        println!("{}", serde_json::to_string(&told)?);
        return Ok(());
    }
    let shutdown = CancellationToken::new();
    process::cancel_on_signal(shutdown.clone())?;
    process::return_memory();
    berth_control::run(ctx, shutdown, |address| tracing::info!(%address, "serving")).await
}
