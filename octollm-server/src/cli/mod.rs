//! The command line.

mod approval;
mod args;
mod arm;
mod doctor;
mod documents;
mod exit;
mod follow;
mod interrupt;
mod output;
mod progress;
mod reflex;
mod render;
mod request;
mod run;
mod serve;
mod tasks;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use octollm_core::config::LogLevel;
use octollm_core::{Error, ErrorKind};
use tracing_subscriber::EnvFilter;

use crate::settings::{Origin, Settings, Sources};
use args::{Cli, Command, Global, ServeArgs};
use exit::{Exit, Outcome, Stop};
use output::Output;

/// What every command has at hand.
struct App {
    settings: Settings,
    output: Output,
}

/// Does what the process's command line says.
pub fn main() -> ExitCode {
    run_from(std::env::args_os()).into()
}

/// Does what this command line says, the program's name first; answers the exit code. For programs that carry this command
/// line under a name of their own.
pub fn run_from(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let output = Output::detect();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Where neither stream can be written nobody would read why.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage as u8 } else { Exit::Completed as u8 };
        }
    };
    let exit = match start(cli, output) {
        Ok(exit) => exit,
        Err(Stop::Closed) => Exit::Completed,
        Err(Stop::Error(error)) => {
            output.error(&error);
            Exit::of_kind(error.kind())
        }
    };
    exit as u8
}

fn start(cli: Cli, output: Output) -> Outcome {
    if let Command::Completions { shell } = &cli.command {
        return completions(*shell, output);
    }
    let settings = Settings::load(&sources(&cli))?;
    start_logging(&settings, matches!(cli.command, Command::Serve(_) | Command::Arm(_)));
    warn_about_ignored(&settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the threads of this program cannot be started").with_source(error)
    })?;
    runtime.block_on(dispatch(&App { settings, output }, &cli.command))
}

async fn dispatch(app: &App, command: &Command) -> Outcome {
    match command {
        Command::Run(args) => run::run(app, args).await,
        Command::Tasks(command) => tasks::run(app, command).await,
        Command::Index(args) => documents::index(app, args).await,
        Command::Search(args) => documents::search(app, args).await,
        Command::Doctor { json } => doctor::run(app, *json).await,
        Command::Reflex(args) => reflex::run(app, args),
        Command::ReflexEval(args) => reflex::eval::run(app.output, args),
        Command::Serve(args) => serve::run(app, args).await,
        Command::Arm(args) => arm::run(app, args).await,
        Command::Completions { shell } => completions(*shell, app.output),
    }
}

fn completions(shell: clap_complete::Shell, output: Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "octollm-server", &mut script);
    output.raw(&script)?;
    Ok(Exit::Completed)
}

fn sources(cli: &Cli) -> Sources {
    let mut flags = global_flags(&cli.global);
    match &cli.command {
        Command::Serve(args) => flags.extend(serve_flags(args)),
        Command::Arm(args) => flags.extend(address_flags(args.host.as_ref(), args.port.as_ref())),
        _ => {}
    }
    Sources { file: cli.global.config.clone(), flags, ..Sources::of_process() }
}

fn global_flags(global: &Global) -> Vec<(&'static str, String)> {
    let home = global.home.as_ref().map(|home| ("OCTOLLM_HOME", home.display().to_string()));
    let level = global.log_level.as_ref().map(|level| ("LOG_LEVEL", level.clone()));
    home.into_iter().chain(level).collect()
}

fn serve_flags(args: &ServeArgs) -> Vec<(&'static str, String)> {
    let arms = (!args.arm.is_empty()).then(|| ("ARM_REGISTRY", args.arm.join(",")));
    address_flags(args.host.as_ref(), args.port.as_ref()).chain(arms).collect()
}

fn address_flags(
    host: Option<&String>,
    port: Option<&String>,
) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let host = host.map(|host| ("API_HOST", host.clone()));
    host.into_iter().chain(port.map(|port| ("API_PORT", port.clone())))
}

/// Logs to stderr. A command for one moment says only what needs attention, unless it is told otherwise.
fn start_logging(settings: &Settings, serves: bool) {
    let said = *settings.origin("LOG_LEVEL") != Origin::Default;
    let level = if serves || said { settings.config.log_level } else { LogLevel::Warn };
    let filter = EnvFilter::new(format!("{0},sqlx=warn,hyper=warn,reqwest=warn", level.as_str()));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only where a logger is set already, and then that one serves.
    let _ = if serves && settings.config.environment.logs_json() {
        log.json().try_init()
    } else {
        log.with_ansi(false).with_target(serves).try_init()
    };
}

/// Names in files of ours that do nothing yet. The environment belongs to other programs too; `doctor` lists it.
fn warn_about_ignored(settings: &Settings) {
    for (name, origin) in settings.ignored.iter().filter(|(_, origin)| *origin != Origin::Environment) {
        tracing::warn!(%name, %origin, "this setting has no effect yet");
    }
}
