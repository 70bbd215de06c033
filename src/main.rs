//! The program `hazardcast`: its commands are in [`hazardcast::cli`].

use std::process::ExitCode;

use clap::Parser;
use hazardcast::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::say_usage(&error, std::env::args_os()),
    };
    match cli::run(&cli) {
        Ok(code) => code,
        Err(error) => {
            cli::say_error(&error, cli.json);
            ExitCode::FAILURE
        }
    }
}
