//! The `berth` binary: one program for the control server, the agent and the command line.

mod catalogue;
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
    /// Make this machine a working Berth: control server, agent, and what a first sale needs
    Up(cmd::up::UpArgs),
    /// End `berth up` and stop this machine's servers
    Down(cmd::up::PlacesArgs),
    /// Take every trace of Berth off this machine
    Uninstall(cmd::uninstall::UninstallArgs),
    /// Run the control server
    Control(cmd::control::ControlArgs),
    /// Run the agent of a node, or join a cluster
    Agent(cmd::agent::AgentArgs),
    /// Virtual servers
    Server(cmd::server::ServerArgs),
    /// Tokens of the API
    Token(cmd::token::TokenArgs),
    /// People who own servers, and staff
    User(cmd::user::UserArgs),
    /// What customers of self service have paid in advance
    Credit(cmd::credit::CreditArgs),
    /// What customers may create by themselves
    #[command(name = "selfservice")]
    SelfService(cmd::self_service::SelfServiceArgs),
    /// Nodes that run servers
    Hypervisor(cmd::hypervisor::HypervisorArgs),
    /// Networks of hypervisors
    Network(cmd::network::NetworkArgs),
    /// Groups of hypervisors
    Group(cmd::group::GroupArgs),
    /// Sizes that servers are sold in
    Package(cmd::package::PackageArgs),
    /// Operating systems to build servers from
    Template(cmd::template::TemplateArgs),
    /// Discs for servers' drives
    Iso(cmd::iso::IsoArgs),
    /// What the control server is doing
    Job(cmd::job::JobArgs),
    /// Print the OpenAPI document of the Global API
    Openapi,
    /// Print the completion script of a shell
    Completion(cmd::completion::CompletionArgs),
}

fn main() -> ExitCode {
    process::follow_parent();
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
        Command::Up(args) => cmd::up::run(args).await,
        Command::Down(args) => cmd::down::run(args).await,
        Command::Uninstall(args) => cmd::uninstall::run(args).await,
        Command::Control(args) => cmd::control::run(args).await,
        Command::Agent(args) => cmd::agent::run(args).await,
        Command::Server(args) => cmd::server::run(args).await,
        Command::Token(args) => cmd::token::run(args).await,
        Command::User(args) => cmd::user::run(args).await,
        Command::Credit(args) => cmd::credit::run(args).await,
        Command::SelfService(args) => cmd::self_service::run(args).await,
        Command::Hypervisor(args) => cmd::hypervisor::run(args).await,
        Command::Network(args) => cmd::network::run(args).await,
        Command::Group(args) => cmd::group::run(args).await,
        Command::Package(args) => cmd::package::run(args).await,
        Command::Template(args) => cmd::template::run(args).await,
        Command::Iso(args) => cmd::iso::run(args).await,
        Command::Job(args) => cmd::job::run(args).await,
        Command::Openapi => cmd::openapi::run(),
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
