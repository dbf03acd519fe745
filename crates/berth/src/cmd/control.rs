//! `berth control`: the control server, which decides.

use std::path::PathBuf;

use berth_control::config::Config;
use berth_control::start;
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::process;

#[derive(Debug, Args)]
pub struct ControlArgs {
    /// TOML file; the environment (BERTH_CONTROL_...) wins over it
    #[arg(long)]
    config: Option<PathBuf>,
}

pub async fn run(args: ControlArgs) -> anyhow::Result<()> {
    process::start_logging();
    let ctx = start::start(Config::load(args.config.as_deref())?).await?;
    let shutdown = CancellationToken::new();
    process::cancel_on_signal(shutdown.clone())?;
    berth_control::run(ctx, shutdown, |address| tracing::info!(%address, "serving")).await
}
