//! The layers by name. Core only: the sandbox's first process, which has no standard library, names them too.

use core::fmt;

/// The parts of the sandbox, in the order in which they are set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Layer {
    /// Linux on a processor that the crate knows.
    Platform,
    /// What the caller asked for makes sense.
    Request,
    /// Watching the tree from outside: its memory, its time, its end.
    Supervision,
    /// Namespaces for users, mounts, processes, network, IPC, host name.
    Namespaces,
    /// An unprivileged user of its own.
    User,
    /// A root of its own, read-only, with `/work` and `/tmp`.
    Mounts,
    /// The one port of its own loopback behind which the caller's proxy listens, where there is one.
    Network,
    /// Resource limits.
    Limits,
    /// No capability, and no way to get one.
    Privileges,
    /// The kernel's rules for files, TCP, signals and abstract sockets.
    Landlock,
    /// The kernel's filter of system calls.
    Seccomp,
    /// The program itself.
    Start,
}

impl Layer {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::Platform,
        Self::Request,
        Self::Supervision,
        Self::Namespaces,
        Self::User,
        Self::Mounts,
        Self::Network,
        Self::Limits,
        Self::Privileges,
        Self::Landlock,
        Self::Seccomp,
        Self::Start,
    ];

    /// A stable name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Request => "request",
            Self::Supervision => "supervision",
            Self::User => "user",
            Self::Namespaces => "namespaces",
            Self::Mounts => "mounts",
            Self::Network => "network",
            Self::Limits => "limits",
            Self::Privileges => "privileges",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Start => "start",
        }
    }

    /// What an operator can do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Platform => "the sandbox needs Linux on x86_64 or aarch64; run this part on such a machine",
            Self::Request => {
                "paths in /work are relative and plain; readable paths are absolute, exist, and lie \
                 outside /work, /proc, /sys and /dev; nothing contains a NUL byte"
            }
            Self::Supervision => {
                "the sandbox needs /proc, free file descriptors and free processes; see ulimit -n and -u"
            }
            Self::User => {
                "/proc/PID/uid_map could not be written: in a container, root needs CAP_SETUID and CAP_SETGID and \
                 uid 65534, or run as an ordinary user"
            }
            Self::Namespaces => {
                "user namespaces must be allowed: sysctl user.max_user_namespaces above 0, \
                 kernel.unprivileged_userns_clone=1 (Debian), kernel.apparmor_restrict_unprivileged_userns=0 \
                 (Ubuntu) or a profile with `userns`; in a container, a seccomp profile that lets them through"
            }
            Self::Mounts => {
                "needs Linux 5.12 or newer, and no AppArmor profile or container that refuses mounts \
                 (Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)"
            }
            Self::Network => {
                "a port for a proxy needs the level `full`: without a network of its own, a program could go around it"
            }
            Self::Limits => {
                "this process has hard limits below what the command was given: lower the command's"
            }
            Self::Privileges => {
                "the kernel did not let capabilities go; the sandbox needs Linux 5.12 or newer"
            }
            Self::Landlock => {
                "needs Linux 5.13 or newer (6.12 for the level `landlock`) with `landlock` among the security \
                 modules: see /sys/kernel/security/lsm and the boot option lsm="
            }
            Self::Seccomp => "needs a kernel with CONFIG_SECCOMP_FILTER",
            Self::Start => {
                "the program must be an executable under /usr, /bin or a path that is made readable, and its \
                 interpreter and libraries too"
            }
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
