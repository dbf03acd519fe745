//! `berth completion`: completion scripts for the usual shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Which shell
    shell: Shell,
}

/// `C` is the binary's whole command line.
pub fn run<C: CommandFactory>(args: &CompletionArgs) {
    clap_complete::generate(args.shell, &mut C::command(), "berth", &mut std::io::stdout());
}
