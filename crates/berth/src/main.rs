//! The `berth` binary: one program for the control server, the agent and the command line.

mod client;
mod cmd;
mod output;
mod process;
mod progress;
mod recipe;
mod websocket;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "berth", version, about = "Sells and runs virtual servers on one's own machines")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the control server
    Control(cmd::control::ControlArgs),
    /// Virtual servers
    Server(cmd::server::ServerArgs),
    /// Tokens of the API
    Token(cmd::token::TokenArgs),
    /// People who own servers
    User(cmd::user::UserArgs),
    /// Nodes that run servers
    Hypervisor(cmd::hypervisor::HypervisorArgs),
    /// Groups of hypervisors
    Group(cmd::group::GroupArgs),
    /// Sizes that servers are sold in
    Package(cmd::package::PackageArgs),
    /// Operating systems to build servers from
    Template(cmd::template::TemplateArgs),
    /// What the control server is doing
    Job(cmd::job::JobArgs),
    /// Print the completion script of a shell
    Completion(cmd::completion::CompletionArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Refused where there is one already; every part wants the same.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("berth could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(cli.command));
    // A read of the terminal may still be pending, and would hold the process.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Control(args) => cmd::control::run(args).await,
        Command::Server(args) => cmd::server::run(args).await,
        Command::Token(args) => cmd::token::run(args).await,
        Command::User(args) => cmd::user::run(args).await,
        Command::Hypervisor(args) => cmd::hypervisor::run(args).await,
        Command::Group(args) => cmd::group::run(args).await,
        Command::Package(args) => cmd::package::run(args).await,
        Command::Template(args) => cmd::template::run(args).await,
        Command::Job(args) => cmd::job::run(args).await,
        Command::Completion(args) => {
            cmd::completion::run::<Cli>(&args);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
