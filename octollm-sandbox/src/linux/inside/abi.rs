//! The kernel's numbers. Copied from its headers, since the first process has no `libc`; a test compares each with that.

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
mod numbers {
    pub(crate) const SYS_READ: usize = 0;
    pub(crate) const SYS_WRITE: usize = 1;
    pub(crate) const SYS_CLOSE: usize = 3;
    pub(crate) const SYS_LSEEK: usize = 8;
    pub(crate) const SYS_MMAP: usize = 9;
    pub(crate) const SYS_RT_SIGACTION: usize = 13;
    pub(crate) const SYS_RT_SIGPROCMASK: usize = 14;
    pub(crate) const SYS_DUP3: usize = 292;
    pub(crate) const SYS_SETITIMER: usize = 38;
    pub(crate) const SYS_SENDTO: usize = 44;
    pub(crate) const SYS_SENDMSG: usize = 46;
    pub(crate) const SYS_CLONE: usize = 56;
    pub(crate) const SYS_EXECVE: usize = 59;
    pub(crate) const SYS_WAIT4: usize = 61;
    pub(crate) const SYS_KILL: usize = 62;
    pub(crate) const SYS_FCNTL: usize = 72;
    pub(crate) const SYS_CHDIR: usize = 80;
    pub(crate) const SYS_FCHDIR: usize = 81;
    pub(crate) const SYS_UMASK: usize = 95;
    pub(crate) const SYS_GETRUSAGE: usize = 98;
    pub(crate) const SYS_SETSID: usize = 112;
    pub(crate) const SYS_SETGROUPS: usize = 116;
    pub(crate) const SYS_SETRESUID: usize = 117;
    pub(crate) const SYS_SETRESGID: usize = 119;
    pub(crate) const SYS_CAPGET: usize = 125;
    pub(crate) const SYS_CAPSET: usize = 126;
    pub(crate) const SYS_PIVOT_ROOT: usize = 155;
    pub(crate) const SYS_PRCTL: usize = 157;
    pub(crate) const SYS_MOUNT: usize = 165;
    pub(crate) const SYS_UMOUNT2: usize = 166;
    pub(crate) const SYS_SETHOSTNAME: usize = 170;
    pub(crate) const SYS_EXIT_GROUP: usize = 231;
    pub(crate) const SYS_OPENAT: usize = 257;
    pub(crate) const SYS_MKDIRAT: usize = 258;
    pub(crate) const SYS_SYMLINKAT: usize = 266;
    pub(crate) const SYS_PPOLL: usize = 271;
    pub(crate) const SYS_SIGNALFD4: usize = 289;
    pub(crate) const SYS_PRLIMIT64: usize = 302;
    pub(crate) const SYS_SECCOMP: usize = 317;
    pub(crate) const SYS_EXECVEAT: usize = 322;
    pub(crate) const SYS_IOCTL: usize = 16;
    pub(crate) const SYS_SOCKET: usize = 41;
    pub(crate) const SYS_BIND: usize = 49;
    pub(crate) const SYS_LISTEN: usize = 50;
}

#[cfg(target_arch = "aarch64")]
#[rustfmt::skip]
mod numbers {
    pub(crate) const SYS_READ: usize = 63;
    pub(crate) const SYS_WRITE: usize = 64;
    pub(crate) const SYS_CLOSE: usize = 57;
    pub(crate) const SYS_LSEEK: usize = 62;
    pub(crate) const SYS_MMAP: usize = 222;
    pub(crate) const SYS_RT_SIGACTION: usize = 134;
    pub(crate) const SYS_RT_SIGPROCMASK: usize = 135;
    pub(crate) const SYS_DUP3: usize = 24;
    pub(crate) const SYS_SETITIMER: usize = 103;
    pub(crate) const SYS_SENDTO: usize = 206;
    pub(crate) const SYS_SENDMSG: usize = 211;
    pub(crate) const SYS_CLONE: usize = 220;
    pub(crate) const SYS_EXECVE: usize = 221;
    pub(crate) const SYS_WAIT4: usize = 260;
    pub(crate) const SYS_KILL: usize = 129;
    pub(crate) const SYS_FCNTL: usize = 25;
    pub(crate) const SYS_CHDIR: usize = 49;
    pub(crate) const SYS_FCHDIR: usize = 50;
    pub(crate) const SYS_UMASK: usize = 166;
    pub(crate) const SYS_GETRUSAGE: usize = 165;
    pub(crate) const SYS_SETSID: usize = 157;
    pub(crate) const SYS_SETGROUPS: usize = 159;
    pub(crate) const SYS_SETRESUID: usize = 147;
    pub(crate) const SYS_SETRESGID: usize = 149;
    pub(crate) const SYS_CAPGET: usize = 90;
    pub(crate) const SYS_CAPSET: usize = 91;
    pub(crate) const SYS_PIVOT_ROOT: usize = 41;
    pub(crate) const SYS_PRCTL: usize = 167;
    pub(crate) const SYS_MOUNT: usize = 40;
    pub(crate) const SYS_UMOUNT2: usize = 39;
    pub(crate) const SYS_SETHOSTNAME: usize = 161;
    pub(crate) const SYS_EXIT_GROUP: usize = 94;
    pub(crate) const SYS_OPENAT: usize = 56;
    pub(crate) const SYS_MKDIRAT: usize = 34;
    pub(crate) const SYS_SYMLINKAT: usize = 36;
    pub(crate) const SYS_PPOLL: usize = 73;
    pub(crate) const SYS_SIGNALFD4: usize = 74;
    pub(crate) const SYS_PRLIMIT64: usize = 261;
    pub(crate) const SYS_SECCOMP: usize = 277;
    pub(crate) const SYS_EXECVEAT: usize = 281;
    pub(crate) const SYS_IOCTL: usize = 29;
    pub(crate) const SYS_SOCKET: usize = 198;
    pub(crate) const SYS_BIND: usize = 200;
    pub(crate) const SYS_LISTEN: usize = 201;
}

pub(crate) use numbers::*;

// The same on all processors.
pub(crate) const SYS_OPEN_TREE: usize = 428;
pub(crate) const SYS_MOVE_MOUNT: usize = 429;
pub(crate) const SYS_FSOPEN: usize = 430;
pub(crate) const SYS_FSCONFIG: usize = 431;
pub(crate) const SYS_FSMOUNT: usize = 432;
pub(crate) const SYS_CLOSE_RANGE: usize = 436;
pub(crate) const SYS_MOUNT_SETATTR: usize = 442;
pub(crate) const SYS_LANDLOCK_CREATE_RULESET: usize = 444;
pub(crate) const SYS_LANDLOCK_ADD_RULE: usize = 445;
pub(crate) const SYS_LANDLOCK_RESTRICT_SELF: usize = 446;

pub(crate) const EINTR: i32 = 4;
pub(crate) const EIO: i32 = 5;
pub(crate) const E2BIG: i32 = 7;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const EPROTO: i32 = 71;

pub(crate) const AT_FDCWD: i32 = -100;
pub(crate) const AT_EMPTY_PATH: usize = 0x1000;
pub(crate) const AT_RECURSIVE: usize = 0x8000;
pub(crate) const O_RDONLY: i32 = 0;
pub(crate) const O_WRONLY: i32 = 1;
pub(crate) const O_CREAT: i32 = 0o100;
pub(crate) const O_EXCL: i32 = 0o200;
pub(crate) const O_CLOEXEC: i32 = 0o2_000_000;
pub(crate) const O_PATH: i32 = 0o10_000_000;
/// Differs between processors.
#[cfg(target_arch = "x86_64")]
pub(crate) const O_NOFOLLOW: i32 = 0o400_000;
#[cfg(target_arch = "aarch64")]
pub(crate) const O_NOFOLLOW: i32 = 0o100_000;

pub(crate) const F_DUPFD_CLOEXEC: usize = 1030;
pub(crate) const CLOSE_RANGE_CLOEXEC: usize = 4;
pub(crate) const SEEK_END: usize = 2;
pub(crate) const PROT_READ_WRITE: usize = 3;
pub(crate) const MAP_PRIVATE: usize = 2;

pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGALRM: u32 = 14;
pub(crate) const SIGCHLD: u32 = 17;
pub(crate) const SIG_SETMASK: usize = 2;
pub(crate) const SFD_FLAGS: usize = 0o2_004_000;
pub(crate) const WNOHANG: usize = 1;
pub(crate) const WALL: usize = 0x4000_0000;
pub(crate) const POLLIN: i16 = 1;
pub(crate) const MSG_NOSIGNAL: usize = 0x4000;

pub(crate) const PR_SET_PDEATHSIG: usize = 1;
pub(crate) const PR_SET_DUMPABLE: usize = 4;
pub(crate) const PR_SET_NAME: usize = 15;
pub(crate) const PR_CAPBSET_DROP: usize = 24;
pub(crate) const PR_SET_SECUREBITS: usize = 28;
pub(crate) const PR_SET_CHILD_SUBREAPER: usize = 36;
pub(crate) const PR_SET_NO_NEW_PRIVS: usize = 38;
pub(crate) const PR_CAP_AMBIENT: usize = 47;
pub(crate) const PR_CAP_AMBIENT_RAISE: usize = 2;
pub(crate) const PR_CAP_AMBIENT_CLEAR_ALL: usize = 4;
/// No-root, no-setuid-fixup, keep-caps locked, no-ambient-raise; each with its lock.
pub(crate) const SECURE: usize = 0b1110_1111;

pub(crate) const MS_REC_PRIVATE: usize = 0x4000 | (1 << 18);
pub(crate) const MNT_DETACH: usize = 2;
pub(crate) const MOUNT_ATTR_RDONLY: u64 = 0x1;
pub(crate) const MOUNT_ATTR_NOSUID: u64 = 0x2;
pub(crate) const MOUNT_ATTR_NODEV: u64 = 0x4;
pub(crate) const MOUNT_ATTR_NOEXEC: u64 = 0x8;

pub(crate) const AF_INET: u16 = 2;
pub(crate) const SOCK_STREAM_CLOEXEC: usize = 1 | 0o2_000_000;
pub(crate) const SIOCSIFFLAGS: usize = 0x8914;
pub(crate) const IFF_UP: i16 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn the_numbers_are_those_of_the_c_library() {
        let numbers = [
            (SYS_READ, libc::SYS_read), (SYS_WRITE, libc::SYS_write), (SYS_CLOSE, libc::SYS_close),
            (SYS_LSEEK, libc::SYS_lseek), (SYS_MMAP, libc::SYS_mmap), (SYS_RT_SIGACTION, libc::SYS_rt_sigaction),
            (SYS_RT_SIGPROCMASK, libc::SYS_rt_sigprocmask), (SYS_DUP3, libc::SYS_dup3),
            (SYS_SETITIMER, libc::SYS_setitimer), (SYS_SENDTO, libc::SYS_sendto), (SYS_SENDMSG, libc::SYS_sendmsg),
            (SYS_CLONE, libc::SYS_clone), (SYS_EXECVE, libc::SYS_execve), (SYS_WAIT4, libc::SYS_wait4),
            (SYS_KILL, libc::SYS_kill), (SYS_FCNTL, libc::SYS_fcntl), (SYS_CHDIR, libc::SYS_chdir),
            (SYS_FCHDIR, libc::SYS_fchdir), (SYS_UMASK, libc::SYS_umask), (SYS_GETRUSAGE, libc::SYS_getrusage),
            (SYS_SETSID, libc::SYS_setsid), (SYS_SETGROUPS, libc::SYS_setgroups), (SYS_SETRESUID, libc::SYS_setresuid),
            (SYS_SETRESGID, libc::SYS_setresgid), (SYS_CAPGET, libc::SYS_capget), (SYS_CAPSET, libc::SYS_capset),
            (SYS_PIVOT_ROOT, libc::SYS_pivot_root), (SYS_PRCTL, libc::SYS_prctl), (SYS_MOUNT, libc::SYS_mount),
            (SYS_UMOUNT2, libc::SYS_umount2), (SYS_SETHOSTNAME, libc::SYS_sethostname),
            (SYS_EXIT_GROUP, libc::SYS_exit_group), (SYS_OPENAT, libc::SYS_openat), (SYS_MKDIRAT, libc::SYS_mkdirat),
            (SYS_SYMLINKAT, libc::SYS_symlinkat), (SYS_PPOLL, libc::SYS_ppoll), (SYS_SIGNALFD4, libc::SYS_signalfd4),
            (SYS_PRLIMIT64, libc::SYS_prlimit64), (SYS_SECCOMP, libc::SYS_seccomp), (SYS_EXECVEAT, libc::SYS_execveat),
            (SYS_IOCTL, libc::SYS_ioctl), (SYS_SOCKET, libc::SYS_socket), (SYS_BIND, libc::SYS_bind),
            (SYS_LISTEN, libc::SYS_listen), (SYS_OPEN_TREE, libc::SYS_open_tree), (SYS_MOVE_MOUNT, libc::SYS_move_mount),
            (SYS_FSOPEN, libc::SYS_fsopen), (SYS_FSCONFIG, libc::SYS_fsconfig), (SYS_FSMOUNT, libc::SYS_fsmount),
            (SYS_CLOSE_RANGE, libc::SYS_close_range), (SYS_MOUNT_SETATTR, libc::SYS_mount_setattr),
            (SYS_LANDLOCK_CREATE_RULESET, libc::SYS_landlock_create_ruleset),
            (SYS_LANDLOCK_ADD_RULE, libc::SYS_landlock_add_rule),
            (SYS_LANDLOCK_RESTRICT_SELF, libc::SYS_landlock_restrict_self),
        ];
        for (number, theirs) in numbers {
            assert_eq!(number as libc::c_long, theirs);
        }
    }

    #[test]
    #[rustfmt::skip]
    fn the_flags_are_those_of_the_c_library() {
        let flags = [
            (AT_FDCWD, libc::AT_FDCWD), (AT_EMPTY_PATH as i32, libc::AT_EMPTY_PATH), (AT_RECURSIVE as i32, libc::AT_RECURSIVE),
            (O_WRONLY, libc::O_WRONLY), (O_CREAT, libc::O_CREAT), (O_EXCL, libc::O_EXCL), (O_CLOEXEC, libc::O_CLOEXEC),
            (O_PATH, libc::O_PATH), (O_NOFOLLOW, libc::O_NOFOLLOW), (F_DUPFD_CLOEXEC as i32, libc::F_DUPFD_CLOEXEC),
            (CLOSE_RANGE_CLOEXEC as i32, libc::CLOSE_RANGE_CLOEXEC as i32), (PROT_READ_WRITE as i32, libc::PROT_READ | libc::PROT_WRITE),
            (MAP_PRIVATE as i32, libc::MAP_PRIVATE), (SIGKILL, libc::SIGKILL), (SIGALRM as i32, libc::SIGALRM),
            (SIGCHLD as i32, libc::SIGCHLD), (SIG_SETMASK as i32, libc::SIG_SETMASK),
            (SFD_FLAGS as i32, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK), (WNOHANG as i32, libc::WNOHANG), (WALL as i32, libc::__WALL),
            (MSG_NOSIGNAL as i32, libc::MSG_NOSIGNAL), (PR_SET_PDEATHSIG as i32, libc::PR_SET_PDEATHSIG),
            (PR_SET_DUMPABLE as i32, libc::PR_SET_DUMPABLE), (PR_SET_NAME as i32, libc::PR_SET_NAME),
            (PR_CAPBSET_DROP as i32, libc::PR_CAPBSET_DROP), (PR_SET_SECUREBITS as i32, libc::PR_SET_SECUREBITS),
            (PR_SET_CHILD_SUBREAPER as i32, libc::PR_SET_CHILD_SUBREAPER), (PR_SET_NO_NEW_PRIVS as i32, libc::PR_SET_NO_NEW_PRIVS),
            (PR_CAP_AMBIENT as i32, libc::PR_CAP_AMBIENT), (PR_CAP_AMBIENT_RAISE as i32, libc::PR_CAP_AMBIENT_RAISE),
            (PR_CAP_AMBIENT_CLEAR_ALL as i32, libc::PR_CAP_AMBIENT_CLEAR_ALL),
            (SECURE as i32, libc::SECBIT_NOROOT | libc::SECBIT_NOROOT_LOCKED | libc::SECBIT_NO_SETUID_FIXUP
                | libc::SECBIT_NO_SETUID_FIXUP_LOCKED | libc::SECBIT_KEEP_CAPS_LOCKED
                | libc::SECBIT_NO_CAP_AMBIENT_RAISE | libc::SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED),
            (MS_REC_PRIVATE as i32, (libc::MS_REC | libc::MS_PRIVATE) as i32), (MNT_DETACH as i32, libc::MNT_DETACH),
            (i32::from(AF_INET), libc::AF_INET), (SOCK_STREAM_CLOEXEC as i32, libc::SOCK_STREAM | libc::SOCK_CLOEXEC),
            (SIOCSIFFLAGS as i32, libc::SIOCSIFFLAGS as i32), (i32::from(IFF_UP), libc::IFF_UP),
            (EINTR, libc::EINTR), (EIO, libc::EIO), (E2BIG, libc::E2BIG), (EEXIST, libc::EEXIST),
            (EINVAL, libc::EINVAL), (EPROTO, libc::EPROTO), (i32::from(POLLIN), i32::from(libc::POLLIN)),
            (SEEK_END as i32, libc::SEEK_END), (O_RDONLY, libc::O_RDONLY),
        ];
        for (index, (flag, theirs)) in flags.into_iter().enumerate() {
            assert_eq!(flag, theirs, "the {index}th");
        }
    }
}
