//! What is to run, with what it is given and what it may take.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// One program with its arguments and everything that it gets to see of the caller. Nothing of the caller's own environment,
/// files or descriptors is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// An absolute path, or a bare name that is looked for in the sandbox's `PATH`. Never a shell line.
    pub program: PathBuf,
    /// Arguments after the program's own name.
    pub arguments: Vec<OsString>,
    /// Environment variables. `PATH`, `HOME` (`/work`), `TMPDIR` (`/tmp`) and `LANG` (`C.UTF-8`) have values where
    /// this does not give them.
    pub environment: Vec<(OsString, OsString)>,
    /// Files that are there when the command starts: a path relative to `/work`, of plain names only, and the content.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// What the command reads on its standard input; `None` is an empty one.
    pub stdin: Option<Vec<u8>>,
    /// A TCP port of a loopback of its own that the command may connect to, and to nothing else. Who answers there is the
    /// caller: `Control::with_listener` gets the socket, for a proxy that decides what is reached. Needs [`Level::Full`].
    /// `None`, or 0, is no network at all.
    ///
    /// [`Level::Full`]: crate::Level::Full
    pub port: Option<u16>,
    /// What it may take.
    pub limits: Limits,
}

impl Command {
    /// A program without arguments, under the default limits.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
            stdin: None,
            port: None,
            limits: Limits::default(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Puts a file into `/work`.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), content.into()));
        self
    }

    /// Gives it something to read on its standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Lets it connect to this port of its own loopback.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// What a command may take. Bytes are bytes, not pages or blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the call of `run` to its end; then the whole tree is killed. 30 s.
    pub wall: Duration,
    /// Processor time of the whole tree; seconds are rounded up where the kernel counts in seconds. 30 s.
    pub cpu: Duration,
    /// Virtual memory of each process. Runtimes reserve far more of it than they use. 4 GiB.
    pub address_space: u64,
    /// Private memory (with what is swapped out) of the whole tree, looked at twenty times a second: a tree that takes more
    /// is killed, and may have had a little more until then. What processes share since a fork counts for each. 512 MiB.
    pub memory: u64,
    /// Processes and threads at once. 64.
    pub processes: u64,
    /// Open files of each process. 256. At most 256 fewer than the caller's own soft limit (`ulimit -n`), or 64.
    pub open_files: u64,
    /// What `/work` holds, and `/tmp` as much again; also the longest file. In memory, besides `memory`. 64 MiB.
    pub work_bytes: u64,
    /// Files, folders and links in `/work`, and in `/tmp` as many again. 4096.
    pub work_files: u64,
    /// What is kept of standard output, and as much of standard error; the rest is read and dropped. 1 MiB.
    pub output_bytes: usize,
    /// What is brought back of the files in `/work`, together. 16 MiB.
    pub harvest_bytes: usize,
    /// How many files are brought back of `/work`. 64.
    pub harvest_files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(30),
            address_space: 4096 * MIB,
            memory: 512 * MIB,
            processes: 64,
            open_files: 256,
            work_bytes: 64 * MIB,
            work_files: 4096,
            output_bytes: 1 << 20,
            harvest_bytes: 16 << 20,
            harvest_files: 64,
        }
    }
}
