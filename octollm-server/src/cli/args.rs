//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use octollm_core::TaskId;
use octollm_core::reflex::{Origin, RedactStyle};
use octollm_core::task::{Approval, Priority, TaskStatus};

use super::exit::{EXIT_CODES, REFLEX_EXIT_CODES};

/// Durable tasks, done by arms: run one, look at them, serve them over HTTP.
#[derive(Debug, Parser)]
#[command(name = "octollm-server", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// Folder of the store [env: OCTOLLM_HOME] [default: the platform's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) home: Option<PathBuf>,
    /// Configuration file [default: octollm.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// What is logged: trace, debug, info, warn or error [env: LOG_LEVEL]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a task and print its answer
    Run(Box<RunArgs>),
    /// Look at tasks and decide about them
    #[command(subcommand)]
    Tasks(TasksCommand),
    /// Take files, folders and web pages into the search index, or bring it up to date
    Index(IndexArgs),
    /// Search the indexed documents
    Search(SearchArgs),
    /// Say what is configured, from where, and whether everything answers
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Find personal data, secrets and injections in a text, or take them out
    Reflex(ReflexArgs),
    /// Measure the reflexes on labelled files
    ReflexEval(ReflexEvalArgs),
    /// Serve tasks over HTTP
    Serve(ServeArgs),
    /// Serve one of OctoLLM's own arms over HTTP
    Arm(ArmArgs),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Where the tasks are: in this computer's store, or on a server.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Place {
    /// Ask the server at this address instead of working here
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct RunArgs {
    /// What is wanted, in words (10 to 2000 characters)
    pub(super) goal: String,
    /// Take this file or folder into the index first, and answer out of it
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub(super) docs: Vec<PathBuf>,
    /// Data for the arms: a JSON object, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    pub(super) context: Option<String>,
    /// A ready plan, as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "playbook")]
    pub(super) plan: Option<PathBuf>,
    /// A stored plan template
    #[arg(long, value_name = "NAME")]
    pub(super) playbook: Option<String>,
    /// The address of an arm that may work on it
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    pub(super) arm: Vec<String>,
    /// Who waits when not everybody can run
    #[arg(long, value_name = "PRIORITY", default_value = "medium")]
    pub(super) priority: PriorityName,
    /// Seconds until the task fails (10 to 3600)
    #[arg(long, value_name = "SECONDS")]
    pub(super) deadline: Option<u32>,
    /// What waits for your approval
    #[arg(long, value_name = "WHAT", default_value = "never")]
    pub(super) approval: ApprovalName,
    /// What the result must respect
    #[arg(long, value_name = "TEXT")]
    pub(super) constraint: Vec<String>,
    /// A label of your own, to find the task by
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) metadata: Vec<(String, String)>,
    /// Do the work again, also where an equal task was answered before
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Print the task's result as JSON, and nothing else
    #[arg(long, conflicts_with = "events")]
    pub(super) json: bool,
    /// Print what happens as JSON, one event a line, and nothing else
    #[arg(long)]
    pub(super) events: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Args)]
pub(super) struct IndexArgs {
    /// Files, folders, and pages on the web by their addresses
    #[arg(required = true, value_name = "DIR|URL")]
    pub(super) places: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// What to look for
    pub(super) query: String,
    /// How many results (1 to 100)
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub(super) limit: u32,
    /// How to find it
    #[arg(long)]
    pub(super) method: Option<MethodName>,
    /// Let the language model put the best 20 in order
    #[arg(long)]
    pub(super) rerank: bool,
    /// Who writes the answer below the results
    #[arg(long, value_name = "WHO")]
    pub(super) synthesis: Option<AuthorName>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AuthorName {
    /// The documents' own sentences
    Quotes,
    /// The language model, with quotes that are looked up
    Model,
}

impl AuthorName {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quotes => "quotes",
            Self::Model => "model",
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum MethodName {
    /// By words and by vectors
    Hybrid,
    /// By vectors
    Vector,
    /// By words
    Keyword,
}

impl MethodName {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Vector => "vector",
            Self::Keyword => "keyword",
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = REFLEX_EXIT_CODES)]
pub(super) struct ReflexArgs {
    /// The text, as UTF-8 and of any length; `-` reads what is piped in
    #[arg(value_name = "FILE", default_value = "-")]
    pub(super) file: PathBuf,
    /// What is done about what is found: default, strict, lenient, off, `configured` for that of octollm.toml, or a file with
    /// such a section. Without it personal data and secrets are replaced, injections only reported, and nothing is refused
    #[arg(long, value_name = "FILE|NAME")]
    pub(super) policy: Option<String>,
    /// Who the text comes from; what is not the user's own is judged more strictly
    #[arg(long, value_name = "WHO", default_value = "user")]
    pub(super) origin: OriginName,
    /// Look for names of persons and street addresses, too, by a model that errs
    #[arg(long)]
    pub(super) names: bool,
    /// Print the text with what the policy replaces replaced, up to what it refuses
    #[arg(long, value_name = "STYLE", conflicts_with = "json")]
    pub(super) redact: Option<StyleName>,
    /// Print what is found as JSON, one finding a line, with offsets in bytes
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum OriginName {
    /// The user's own words
    User,
    /// What an arm answered
    Arm,
    /// A document, a page, a file
    Document,
    /// What a tool returned
    Tool,
}

impl From<OriginName> for Origin {
    fn from(name: OriginName) -> Self {
        match name {
            OriginName::User => Self::User,
            OriginName::Arm => Self::Arm,
            OriginName::Document => Self::Document,
            OriginName::Tool => Self::Tool,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum StyleName {
    /// Stars for letters and digits
    Mask,
    /// Stars, but the last characters stay
    Partial,
    /// A hash; the key is a new one for every call
    Hash,
    /// Nothing
    Remove,
    /// `<EMAIL_1>`; equal values get the same number
    Placeholder,
}

impl From<StyleName> for RedactStyle {
    fn from(name: StyleName) -> Self {
        match name {
            StyleName::Mask => Self::Mask,
            StyleName::Partial => Self::Partial,
            StyleName::Hash => Self::Hash,
            StyleName::Remove => Self::Remove,
            StyleName::Placeholder => Self::Placeholder,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ReflexEvalArgs {
    /// Files of JSON lines: `{text, label}` or `{text, spans[{type, start, end}]}` with offsets in characters; `-` reads what
    /// is piped in
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Print one JSON object per file
    #[arg(long)]
    pub(super) json: bool,
    /// Print one JSON object per row before
    #[arg(long)]
    pub(super) scores: bool,
    /// Look for names of persons and street addresses, too
    #[arg(long)]
    pub(super) names: bool,
    /// Who the texts of rows come from that do not say it with a field `origin`
    #[arg(long, value_name = "WHO", default_value = "user")]
    pub(super) origin: OriginName,
}

#[derive(Debug, Subcommand)]
pub(super) enum TasksCommand {
    /// List tasks, newest first
    List(ListArgs),
    /// Show a task
    Show {
        /// The task
        id: TaskId,
        /// Print its result as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Print what happened to a task as JSON, one event a line
    Events {
        /// The task
        id: TaskId,
        /// Only events with a higher number
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        after: u64,
        #[command(flatten)]
        place: Place,
    },
    /// Stop a task, its running steps and its sub-tasks
    Cancel {
        /// The task
        id: TaskId,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "cancelled on the command line")]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
    /// Answer what a task waits for, and see it through
    Approve {
        /// The task
        id: TaskId,
        /// The step that waits [default: the only one, or the plan]
        #[arg(long)]
        step: Option<u32>,
        /// Say no
        #[arg(long)]
        deny: bool,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// The address of an arm that may work on it
        #[arg(long, value_name = "URL", conflicts_with = "server")]
        arm: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Go on with unfinished tasks of processes that are gone
    Resume {
        /// The task [default: all of them]
        id: Option<TaskId>,
        /// The address of an arm that may work on it
        #[arg(long, value_name = "URL")]
        arm: Vec<String>,
    },
    /// Recreate the list of tasks from the journal
    Rebuild,
    /// Drop ended tasks and their events
    #[command(group = clap::ArgGroup::new("policy").required(true).multiple(true))]
    Prune {
        /// Drop what ended longer ago than this, such as 30d, 12h, 90m
        #[arg(long, value_name = "AGE", group = "policy", value_parser = age)]
        older_than: Option<Duration>,
        /// Keep at most this many, the newest
        #[arg(long, value_name = "COUNT", group = "policy")]
        keep: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only tasks in this status
    #[arg(long, value_parser = status)]
    pub(super) status: Option<TaskStatus>,
    /// Only tasks of this priority
    #[arg(long)]
    pub(super) priority: Option<PriorityName>,
    /// Only tasks with this label
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) metadata: Vec<(String, String)>,
    /// How many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) limit: u32,
    /// Where the page before ended
    #[arg(long)]
    pub(super) cursor: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address to serve on [env: API_HOST] [default: 127.0.0.1]
    #[arg(long)]
    pub(super) host: Option<String>,
    /// Port to serve on; 0 takes a free one [env: API_PORT] [default: 8000, of the reflexes alone 8001]
    #[arg(long)]
    pub(super) port: Option<String>,
    /// The address of an arm; it may come later [env: ARM_REGISTRY]
    #[arg(long, value_name = "URL")]
    pub(super) arm: Vec<String>,
    /// Serve the reflexes alone: no task, no store, no arm
    #[arg(long, conflicts_with = "arm")]
    pub(super) reflex: bool,
    /// Serve other computers too, though nobody has to prove who they are
    #[arg(long)]
    pub(super) insecure: bool,
}

#[derive(Debug, Args)]
pub(super) struct ArmArgs {
    /// The arm: coder, planner, judge, executor, retriever or guardian
    pub(super) name: String,
    /// Address to serve on [env: API_HOST] [default: 127.0.0.1]
    #[arg(long)]
    pub(super) host: Option<String>,
    /// Port to serve on; 0 takes a free one [env: API_PORT] [default: the arm's own, 8100 to 8105]
    #[arg(long)]
    pub(super) port: Option<String>,
    /// Serve other computers too, though nobody has to prove who they are
    #[arg(long)]
    pub(super) insecure: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum PriorityName {
    Low,
    Medium,
    High,
    Critical,
}

impl From<PriorityName> for Priority {
    fn from(name: PriorityName) -> Self {
        match name {
            PriorityName::Low => Self::Low,
            PriorityName::Medium => Self::Medium,
            PriorityName::High => Self::High,
            PriorityName::Critical => Self::Critical,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ApprovalName {
    /// Nothing
    Never,
    /// The plan, before its first step
    Plan,
    /// Every step whose arm changes the world
    #[value(name = "side_effects", alias = "side-effects")]
    SideEffects,
}

impl From<ApprovalName> for Approval {
    fn from(name: ApprovalName) -> Self {
        match name {
            ApprovalName::Never => Self::Never,
            ApprovalName::Plan => Self::Plan,
            ApprovalName::SideEffects => Self::SideEffects,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}

fn status(name: &str) -> Result<TaskStatus, String> {
    TaskStatus::from_name(name).ok_or_else(|| {
        "must be pending, accepted, planning, executing, awaiting_approval, completed, failed or cancelled".to_owned()
    })
}

fn age(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a number and a unit: 90s, 90m, 12h or 30d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn ages_have_a_unit() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert!(
            age("30").is_err() && age("d").is_err() && age("").is_err() && age("99999999999999999d").is_err()
        );
    }
}
