//! The policy as it is written down: TOML, read strictly. A name that is not known is refused with its line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::arguments::Kind;

/// The whole file.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    #[serde(default)]
    pub(super) sandbox: Option<String>,
    #[serde(default = "usual_path")]
    pub(super) path: Vec<PathBuf>,
    #[serde(default)]
    pub(super) readable: Vec<PathBuf>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) settable: Vec<Settable>,
    /// Kinds of personal data and secrets whose values it is given, not placeholders for them.
    #[serde(default = "of_an_address")]
    pub(super) needs_pii: Vec<String>,
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default)]
    pub(super) interpreters: BTreeMap<String, Interpreter>,
    #[serde(default)]
    pub(super) commands: BTreeMap<String, CommandRule>,
    #[serde(default)]
    pub(super) hosts: Vec<HostRule>,
}

/// A request can go to an address only if it is there. All else a program can work on by its placeholder, which stands for the
/// same value everywhere and becomes it again in the answer.
fn of_an_address() -> Vec<String> {
    vec!["ip_address".to_owned()]
}

fn usual_path() -> Vec<PathBuf> {
    ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).to_vec()
}

/// What one action may use, and how many run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds of time on the wall, 1..=300: the most that a request may ask for.
    pub wall_seconds: u32,
    /// Seconds of processor time of all processes together, 1..=3600.
    pub cpu_seconds: u32,
    /// MiB of memory of all processes together, 16..=1048576.
    pub memory_mib: u32,
    /// MiB of addresses of each process, 64..=16777216; programs reserve far more of them than they use.
    pub address_space_mib: u32,
    /// Processes and threads at once, 1..=4096.
    pub processes: u32,
    /// Open files of each process, 16..=65536.
    pub open_files: u32,
    /// MiB in the working folder, 1..=65536.
    pub work_mib: u32,
    /// Files and folders in the working folder, 8..=1000000.
    pub work_files: u32,
    /// KiB that are kept of each of standard output and error, and of an HTTP answer, 1..=4096.
    pub output_kib: u32,
    /// MiB that a program with `hosts` may move over the network, both ways together, 1..=65536.
    pub network_mib: u32,
    /// Files that are brought back from the working folder, 0..=10000.
    pub artifacts: u32,
    /// MiB that they have together, 0..=1024.
    pub artifacts_mib: u32,
    /// Actions that run at once, 1..=256.
    pub concurrent: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_seconds: 300,
            cpu_seconds: 120,
            memory_mib: 512,
            address_space_mib: 4096,
            processes: 64,
            open_files: 256,
            work_mib: 64,
            work_files: 1000,
            output_kib: 256,
            network_mib: 64,
            artifacts: 64,
            artifacts_mib: 16,
            concurrent: 4,
        }
    }
}

impl Limits {
    /// Every limit with its name and what it may be.
    pub(super) fn ranges(&self) -> [(&'static str, u32, std::ops::RangeInclusive<u32>); 13] {
        [
            ("wall_seconds", self.wall_seconds, 1..=300),
            ("cpu_seconds", self.cpu_seconds, 1..=3600),
            ("memory_mib", self.memory_mib, 16..=1_048_576),
            ("address_space_mib", self.address_space_mib, 64..=16_777_216),
            ("processes", self.processes, 1..=4096),
            ("open_files", self.open_files, 16..=65_536),
            ("work_mib", self.work_mib, 1..=65_536),
            ("work_files", self.work_files, 8..=1_000_000),
            ("output_kib", self.output_kib, 1..=4096),
            ("network_mib", self.network_mib, 1..=65_536),
            ("artifacts", self.artifacts, 0..=10_000),
            ("artifacts_mib", self.artifacts_mib, 0..=1024),
            ("concurrent", self.concurrent, 1..=256),
        ]
    }
}

/// A variable that a request may set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "must be a variable's name, or { name = \"...\", one_of = [...] } or with `matches`"
)]
pub(super) enum Settable {
    /// One that is known to choose nothing.
    Known(String),
    /// Any other, with the values that it may have.
    Values(Values),
}

/// What a request may give a variable.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Values {
    pub(super) name: String,
    /// The values that there are.
    #[serde(default)]
    pub(super) one_of: Vec<String>,
    /// A regular expression that the whole value must match.
    #[serde(default)]
    pub(super) matches: Option<String>,
}

/// A program that runs code.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interpreter {
    /// A name that is looked up, or an absolute path.
    pub(super) program: PathBuf,
    /// What stands before the script's name.
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    /// The file that the code is written to.
    pub(super) script: String,
    /// Hosts that it may reach, through the proxy: each the `host` of a rule.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
}

/// What a program may be given. What is not here is refused.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandRule {
    /// A name that is looked up, or an absolute path; the rule's own name where absent. Not for subcommands.
    #[serde(default)]
    pub(super) program: Option<PathBuf>,
    /// Hosts that it may reach, through the proxy: each the `host` of a rule. Not for subcommands.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// `-n`, `--name`, and with a value of some kind `-n=number`, `--name=word`.
    #[serde(default)]
    pub(super) flags: Vec<String>,
    /// What is no flag; nothing where absent.
    #[serde(default)]
    pub(super) positionals: Option<Positionals>,
    /// Which files a request may bring along, as patterns; none where absent.
    #[serde(default)]
    pub(super) files: Vec<String>,
    /// Words of which the first argument must be one; the rest of the arguments is then its.
    #[serde(default)]
    pub(super) subcommands: BTreeMap<String, CommandRule>,
}

/// Arguments that are no flags.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Positionals {
    /// What each of them must be.
    #[serde(default)]
    pub(super) kind: Kind,
    /// A regular expression that the whole of each must match.
    #[serde(default)]
    pub(super) matches: Option<String>,
    /// The words that there are.
    #[serde(default)]
    pub(super) one_of: Vec<String>,
    /// How many there must be.
    #[serde(default)]
    pub(super) min: usize,
    /// How many there may be.
    #[serde(default)]
    pub(super) max: Option<usize>,
}

/// A host that may be asked over HTTP. Its headers may be secrets: they are shown to nobody.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostRule {
    /// A name, `*.` and a name for everything below it, or an IP address.
    pub(super) host: String,
    /// The scheme's own port where absent.
    #[serde(default)]
    pub(super) port: Option<u16>,
    /// Whether `http://` will do; otherwise only `https://`.
    #[serde(default)]
    pub(super) plain: bool,
    /// What may be sent; `GET` and `HEAD` where absent.
    #[serde(default = "reading")]
    pub(super) methods: Vec<String>,
    /// How paths may begin; in any way where absent.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Whether it may be on this machine or a private network. Then `port` must be said.
    #[serde(default)]
    pub(super) private: bool,
    /// Whether a program to which it is opened may speak with it as it likes, over `https` or anything else.
    #[serde(default)]
    pub(super) tunnel: bool,
    /// Headers that are sent to it, and to no other host.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The variable that holds a bearer token for it.
    #[serde(default)]
    pub(super) bearer_env: Option<String>,
}

fn reading() -> Vec<String> {
    ["GET", "HEAD"].map(str::to_owned).to_vec()
}
