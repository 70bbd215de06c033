//! The program `hazardcast`: its commands are in [`hazardcast::cli`].

use std::process::ExitCode;

use clap::Parser;
use hazardcast::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(&cli) {
        Ok(code) => code,
        Err(error) => {
            cli::say_error(&error, cli.json);
            ExitCode::FAILURE
        }
    }
}
