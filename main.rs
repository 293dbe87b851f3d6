//! TeleHub: a call centre in one binary. This file reads the command line; `app/` does the wiring.

mod app;

use app::{
    backup, check,
    cli::{Cli, Command, ConfigArgs, UserCommand},
    config::{Config, ConfigError},
    limits, logging, say, serve, user, version,
};
use clap::Parser;
use std::{process::ExitCode, time::Duration};

/// Messages, events and rows are small and short-lived, and many are made on one thread and dropped on another: the C
/// library's allocator spent a quarter of a registration on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bad configuration or arguments.
const EXIT_USAGE: u8 = 2;

/// How long what still runs beside the work may take when the work is over.
const LAST_GRACE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // Two crates link two providers; rustls must be told which one before its first use.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        say("telehub: the TLS provider was installed twice");
        return ExitCode::FAILURE;
    }
    if std::env::args().nth(1).is_some_and(|arg| arg == "--version" || arg == "-V") {
        return finish(block_on(version::print()));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            let _ = error.print();
            return if usage { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    finish(run(cli.command))
}

fn finish(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint(&format!("telehub: {error:#}"));
            let usage = error.downcast_ref::<ConfigError>().is_some();
            if usage { ExitCode::from(EXIT_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => {
            let config = load(&args)?;
            start_logging(&config)?;
            limits::raise_open_files();
            block_on(serve::serve(config))
        }
        Command::Demo(args) => {
            let config = load(&args.config)?;
            start_logging(&config)?;
            limits::raise_open_files();
            block_on(serve::demo(config, &args.data))
        }
        Command::Carrier(args) => {
            start_logging(&load(&ConfigArgs::default())?)?;
            block_on(serve::carrier(args))
        }
        Command::Check(args) => Ok(check::run(&load(&args)?)?),
        Command::User(UserCommand::Add(args)) => {
            let config = load(&args.config)?;
            block_on(user::add(&config, args))
        }
        Command::Openapi => {
            say(&web::openapi_text());
            Ok(())
        }
        Command::Backup(args) => {
            let config = load(&args.config)?;
            block_on(backup::backup(&config, &args.file))
        }
        Command::Restore(args) => {
            let config = load(&args.config)?;
            block_on(backup::restore(&config, &args.file))
        }
    }
}

fn load(args: &ConfigArgs) -> Result<Config, ConfigError> {
    Config::load(args.config.as_deref(), std::env::vars())
}

fn start_logging(config: &Config) -> Result<(), ConfigError> {
    let filter =
        logging::filter(&config.log.filter).map_err(|why| config.fault("[log] filter", why))?;
    logging::start(&config.log.format, filter).map_err(|why| config.fault("[log]", why))
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // Whoever was told to end at once does not wait for a disk or a name server that hangs.
    runtime.shutdown_timeout(LAST_GRACE);
    done
}

fn eprint(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
