//! How much of a sandbox there is. Core only, as `layer` is.

/// How much of the sandbox an operator wants. Anything but [`Level::Full`] is chosen by name, never fallen back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// Every layer: namespaces, a root of its own, limits, no privileges, Landlock, seccomp.
    #[default]
    Full,
    /// No namespaces: Landlock (ABI 6 or newer), seccomp, limits, no privileges, and a temporary folder. The command
    /// sees the names and sizes of the machine's files, and its processes, but reads and signals none of them.
    Landlock,
    /// Limits, a process tree that ends with the call, and a clean environment. Keeps an accident in check, and no attack.
    None,
}

impl Level {
    /// The name that configuration and `doctor` use: `full`, `landlock`, `none`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Landlock => "landlock",
            Self::None => "none",
        }
    }

    /// The level of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Full, Self::Landlock, Self::None].into_iter().find(|level| level.name() == name)
    }
}
