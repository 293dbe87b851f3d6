//! The command line, to the letter of what scripts rely on.

use clap::{Args, Parser, Subcommand};
use crm::users::Role;
use std::path::PathBuf;

/// Self-hosted SIP/RTP softswitch with a CRM and a telecaller's desk inside.
#[derive(Debug, Parser)]
#[command(name = "telehub", arg_required_else_help = true, disable_version_flag = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve(ConfigArgs),
    /// Run the server on a demo floor with a built-in simulated carrier.
    Demo(DemoArgs),
    /// Run the simulated carrier alone: a PSTN in a box.
    Carrier(carrier::Args),
    /// Validate the configuration and print what would be opened.
    Check(ConfigArgs),
    /// Users.
    #[command(subcommand)]
    User(UserCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// Write a consistent copy of database and recordings, while serving.
    Backup(FileArgs),
    /// Bring a backup back onto an empty data folder.
    Restore(FileArgs),
}

/// Where the configuration is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigArgs {
    /// TOML file; without it, embedded defaults.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The demo floor.
#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArgs {
    /// Data folder; kept between runs.
    #[arg(long, value_name = "DIR", default_value = "./data/demo")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// User administration.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user; asks for the password, or generates one when not on a terminal.
    Add(UserAddArgs),
}

/// A new user.
#[derive(Args, Clone, Debug)]
pub(crate) struct UserAddArgs {
    /// admin, manager, telecaller, field_agent, viewer or platform_admin.
    #[arg(long, value_parser = role)]
    pub(crate) role: Role,
    /// Sign-in name.
    #[arg(long)]
    pub(crate) email: String,
    /// Tenant slug; needed when there are several. A first tenant is made by this name.
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Full name; the part before the @ otherwise.
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("not one of {}", known.join(", "))
    })
}

/// A backup file.
#[derive(Args, Clone, Debug)]
pub(crate) struct FileArgs {
    /// The file.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
