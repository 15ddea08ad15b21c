//! The calls that are made before the program is there, each as a small function that allocates nothing.

use core::ffi::{CStr, c_char};
use core::ptr;

use super::abi;
use super::call::{Sys, call};

/// A call whose words are numbers, or pointers to what its caller keeps until it returns.
fn ask<const N: usize>(number: usize, words: [usize; N]) -> Sys<usize> {
    let mut all = [0; 6];
    for (to, from) in all.iter_mut().zip(words) {
        *to = from;
    }
    // SAFETY: every use in this module passes numbers, terminated strings and structures that outlive the call, of the
    // sizes that the kernel expects.
    unsafe { call(number, all) }
}

/// A descriptor or a process's id.
fn small<const N: usize>(number: usize, words: [usize; N]) -> Sys<i32> {
    ask(number, words).map(|value| value as i32)
}

fn done<const N: usize>(number: usize, words: [usize; N]) -> Sys<()> {
    ask(number, words).map(drop)
}

/// Asks again what a signal interrupted.
fn again<const N: usize>(number: usize, words: [usize; N]) -> Sys<usize> {
    loop {
        match ask(number, words) {
            Err(abi::EINTR) => {}
            other => return other,
        }
    }
}

/// A descriptor as the kernel reads it; -1 and AT_FDCWD are numbers below zero.
const fn fd(number: i32) -> usize {
    number as isize as usize
}

fn at(text: &CStr) -> usize {
    text.as_ptr() as usize
}

fn of<T>(value: &T) -> usize {
    ptr::from_ref(value) as usize
}

fn of_mut<T>(value: &mut T) -> usize {
    ptr::from_mut(value) as usize
}

pub(crate) fn exit(code: i32) -> ! {
    loop {
        let _ = ask(abi::SYS_EXIT_GROUP, [fd(code)]);
    }
}

pub(crate) fn close(number: i32) {
    let _ = ask(abi::SYS_CLOSE, [fd(number)]);
}

/// Closes `first` and all above, or marks them to be closed by `execve`.
pub(crate) fn close_from(first: i32, on_exec: bool) -> Sys<()> {
    let flags = if on_exec { abi::CLOSE_RANGE_CLOEXEC } else { 0 };
    done(abi::SYS_CLOSE_RANGE, [fd(first), u32::MAX as usize, flags])
}

/// A copy of a descriptor numbered `least` or above, closed by `execve`.
pub(crate) fn duplicate_above(number: i32, least: i32) -> Sys<i32> {
    small(abi::SYS_FCNTL, [fd(number), abi::F_DUPFD_CLOEXEC, fd(least)])
}

/// Makes `to` the same file as `from`, and inheritable. They differ.
pub(crate) fn duplicate_to(from: i32, to: i32) -> Sys<()> {
    done(abi::SYS_DUP3, [fd(from), fd(to), 0])
}

pub(crate) fn open_at(folder: i32, path: &CStr, flags: i32, mode: u32) -> Sys<i32> {
    small(abi::SYS_OPENAT, [fd(folder), at(path), fd(flags | abi::O_CLOEXEC), mode as usize])
}

pub(crate) fn make_folder_at(folder: i32, path: &CStr, mode: u32) -> Sys<()> {
    done(abi::SYS_MKDIRAT, [fd(folder), at(path), mode as usize])
}

pub(crate) fn link_at(target: &CStr, folder: i32, name: &CStr) -> Sys<()> {
    done(abi::SYS_SYMLINKAT, [at(target), fd(folder), at(name)])
}

/// Writes everything.
pub(crate) fn write_all(number: i32, mut bytes: &[u8]) -> Sys<()> {
    while !bytes.is_empty() {
        let written = again(abi::SYS_WRITE, [fd(number), bytes.as_ptr() as usize, bytes.len()])?;
        match bytes.get(written..) {
            Some(rest) if written > 0 => bytes = rest,
            _ => return Err(abi::EIO),
        }
    }
    Ok(())
}

/// Reads as much as is there; 0 is the end.
pub(crate) fn read(number: i32, bytes: &mut [u8]) -> Sys<usize> {
    again(abi::SYS_READ, [fd(number), bytes.as_mut_ptr() as usize, bytes.len()])
}

/// A file's content as memory of this process's own: what is changed there is changed nowhere else.
pub(crate) fn map(number: i32) -> Sys<(*mut u8, usize)> {
    let length = ask(abi::SYS_LSEEK, [fd(number), 0, abi::SEEK_END])?;
    let words = [0, length, abi::PROT_READ_WRITE, abi::MAP_PRIVATE, fd(number), 0];
    ask(abi::SYS_MMAP, words).map(|address| (address as *mut u8, length))
}

#[repr(C)]
pub(crate) struct PollFd {
    pub(crate) fd: i32,
    pub(crate) events: i16,
    pub(crate) revents: i16,
}

#[repr(C)]
struct Time {
    seconds: i64,
    rest: i64,
}

/// Waits for an event for ever, or not at all. A signal counts as an event.
pub(crate) fn poll(fds: &mut [PollFd], wait: bool) -> Sys<()> {
    let none = Time { seconds: 0, rest: 0 };
    let time = if wait { 0 } else { of(&none) };
    match ask(abi::SYS_PPOLL, [fds.as_mut_ptr() as usize, fds.len(), time, 0, 0]) {
        Ok(_) | Err(abi::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

pub(crate) fn change_folder(path: &CStr) -> Sys<()> {
    done(abi::SYS_CHDIR, [at(path)])
}

pub(crate) fn change_folder_to(folder: i32) -> Sys<()> {
    done(abi::SYS_FCHDIR, [fd(folder)])
}

pub(crate) fn file_mode_mask(mask: u32) {
    let _ = ask(abi::SYS_UMASK, [mask as usize]);
}

/// `prctl` with numbers only.
pub(crate) fn prctl(option: usize, a: usize, b: usize) -> Sys<()> {
    done(abi::SYS_PRCTL, [option, a, b, 0, 0])
}

/// What `ps` calls this process.
pub(crate) fn set_name(name: &CStr) {
    let _ = prctl(abi::PR_SET_NAME, at(name), 0);
}

pub(crate) fn set_host_name(name: &CStr) -> Sys<()> {
    done(abi::SYS_SETHOSTNAME, [at(name), name.to_bytes().len()])
}

pub(crate) fn new_session() -> Sys<()> {
    done(abi::SYS_SETSID, [])
}

pub(crate) fn no_groups() -> Sys<()> {
    done(abi::SYS_SETGROUPS, [0, 0])
}

/// Real, effective and saved user and group become `id`.
pub(crate) fn become_user(id: u32) -> Sys<()> {
    let id = id as usize;
    done(abi::SYS_SETRESGID, [id, id, id])?;
    done(abi::SYS_SETRESUID, [id, id, id])
}

pub(crate) fn set_limit(resource: u32, soft: u64, hard: u64) -> Sys<()> {
    let limit = [soft, hard];
    done(abi::SYS_PRLIMIT64, [0, resource as usize, of(&limit), 0])
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

/// Effective, permitted and inheritable capabilities, 32 of each.
type CapabilitySets = [[u32; 3]; 2];

const CAPABILITY_VERSION: u32 = 0x2008_0522;

pub(crate) fn no_capabilities() -> Sys<()> {
    let header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    let sets: CapabilitySets = [[0; 3]; 2];
    done(abi::SYS_CAPSET, [of(&header), of(&sets)])
}

/// Lets the capabilities that there are survive an `execve`, which takes those of a user who is not root there.
pub(crate) fn keep_capabilities() -> Sys<()> {
    let header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    let mut sets: CapabilitySets = [[0; 3]; 2];
    done(abi::SYS_CAPGET, [of(&header), of_mut(&mut sets)])?;
    for [_, permitted, inheritable] in &mut sets {
        *inheritable = *permitted;
    }
    done(abi::SYS_CAPSET, [of(&header), of(&sets)])?;
    let [[_, low, _], [_, high, _]] = sets;
    let held = u64::from(low) | u64::from(high) << 32;
    for capability in (0..64).filter(|capability| held >> capability & 1 == 1) {
        prctl(abi::PR_CAP_AMBIENT, abi::PR_CAP_AMBIENT_RAISE, capability)?;
    }
    Ok(())
}

/// Every signal back to what the kernel does by itself.
pub(crate) fn default_signals() {
    // The default action, no flags, an empty mask. Kill and stop are refused, which is as well.
    let action = [0_u64; 4];
    for signal in 1..=64 {
        let _ = ask(abi::SYS_RT_SIGACTION, [signal, of(&action), 0, 8]);
    }
}

pub(crate) fn unblock_signals() {
    let none = 0_u64;
    let _ = ask(abi::SYS_RT_SIGPROCMASK, [abi::SIG_SETMASK, of(&none), 0, 8]);
}

/// Raises SIGALRM after some seconds.
pub(crate) fn alarm(seconds: u32) {
    let never = Time { seconds: 0, rest: 0 };
    let timer = [never, Time { seconds: i64::from(seconds), rest: 0 }];
    let _ = ask(abi::SYS_SETITIMER, [0, of(&timer), 0]);
}

/// A descriptor that is readable after a child has ended, or the alarm has rung. Both signals must be blocked.
pub(crate) fn child_signals() -> Sys<i32> {
    let set = 1_u64 << (abi::SIGCHLD - 1) | 1 << (abi::SIGALRM - 1);
    small(abi::SYS_SIGNALFD4, [fd(-1), of(&set), 8, abi::SFD_FLAGS])
}

/// Reaps a child that has ended: its id (0: none has) and its status.
pub(crate) fn reap_any() -> Sys<(i32, i32)> {
    let mut status = 0_i32;
    let pid = again(abi::SYS_WAIT4, [fd(-1), of_mut(&mut status), abi::WNOHANG | abi::WALL, 0])?;
    Ok((pid as i32, status))
}

/// Microseconds of processor time of all children that were reaped, with theirs.
pub(crate) fn children_time() -> u64 {
    const CHILDREN: i32 = -1;
    // `struct rusage` begins with two times in seconds and microseconds.
    let mut usage = [0_u64; 18];
    if ask(abi::SYS_GETRUSAGE, [fd(CHILDREN), of_mut(&mut usage)]).is_err() {
        return 0;
    }
    let [user, user_rest, system, system_rest, ..] = usage;
    user.saturating_add(system).saturating_mul(1_000_000).saturating_add(user_rest + system_rest)
}

pub(crate) fn kill(pid: i32, signal: i32) {
    let _ = ask(abi::SYS_KILL, [fd(pid), fd(signal)]);
}

/// A copy of this process: `Ok(None)` is the copy. Of a small process it costs little.
pub(crate) fn fork() -> Sys<Option<i32>> {
    let pid = ask(abi::SYS_CLONE, [abi::SIGCHLD as usize, 0, 0, 0, 0])?;
    Ok((pid != 0).then_some(pid as i32))
}

/// A list of pointers to terminated strings, with a null pointer at the end.
pub(crate) type Strings = *const *const c_char;

/// Replaces this process; only answers when that failed.
///
/// # Safety
/// Both lists are what their type says.
pub(crate) unsafe fn execute(program: &CStr, arguments: Strings, environment: Strings) -> i32 {
    // SAFETY: the caller's promise.
    let failed =
        unsafe { call(abi::SYS_EXECVE, [at(program), arguments as usize, environment as usize, 0, 0, 0]) };
    failed.err().unwrap_or(abi::EIO)
}

/// Replaces this process by an open file; only answers when that failed.
///
/// # Safety
/// Both lists are what their type says.
pub(crate) unsafe fn execute_open(file: i32, arguments: Strings, environment: Strings) -> i32 {
    let words = [fd(file), at(c""), arguments as usize, environment as usize, abi::AT_EMPTY_PATH, 0];
    // SAFETY: the caller's promise.
    let failed = unsafe { call(abi::SYS_EXECVEAT, words) };
    failed.err().unwrap_or(abi::EIO)
}

#[repr(C)]
struct Filter {
    length: u16,
    instructions: *const u8,
}

/// Lets a filter of so many instructions, of eight bytes each, judge every system call from here on.
pub(crate) fn filter(instructions: &[u8]) -> Sys<()> {
    const SET_MODE_FILTER: usize = 1;
    let length = u16::try_from(instructions.len() / 8).map_err(|_| abi::E2BIG)?;
    let filter = Filter { length, instructions: instructions.as_ptr() };
    done(abi::SYS_SECCOMP, [SET_MODE_FILTER, 0, of(&filter)])
}

/// Landlock's rules as the kernel reads them: files, net, scopes.
pub(crate) fn create_ruleset(attributes: &[u64; 3], size: usize) -> Sys<i32> {
    small(abi::SYS_LANDLOCK_CREATE_RULESET, [of(attributes), size.min(24), 0])
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// Allows something at a path and below.
pub(crate) fn allow_path(ruleset: i32, allowed: u64, path: &CStr) -> Sys<()> {
    const PATH_BENEATH: usize = 1;
    let parent = open_at(abi::AT_FDCWD, path, abi::O_PATH, 0)?;
    let rule = PathBeneath { allowed, parent };
    let added = done(abi::SYS_LANDLOCK_ADD_RULE, [fd(ruleset), PATH_BENEATH, of(&rule), 0]);
    close(parent);
    added
}

/// Allows something with a TCP port.
pub(crate) fn allow_port(ruleset: i32, allowed: u64, port: u16) -> Sys<()> {
    const NET_PORT: usize = 2;
    let rule = [allowed, u64::from(port)];
    done(abi::SYS_LANDLOCK_ADD_RULE, [fd(ruleset), NET_PORT, of(&rule), 0])
}

/// Binds this process and all that it starts to the rules, for ever.
pub(crate) fn restrict_to(ruleset: i32) -> Sys<()> {
    done(abi::SYS_LANDLOCK_RESTRICT_SELF, [fd(ruleset), 0])
}

/// A mount of what lies at a path, which hangs nowhere yet.
pub(crate) fn open_tree(path: &CStr) -> Sys<i32> {
    const CLONE: usize = 1;
    let flags = CLONE | abi::O_CLOEXEC as usize | abi::AT_RECURSIVE;
    small(abi::SYS_OPEN_TREE, [fd(abi::AT_FDCWD), at(path), flags])
}

/// Hangs up a mount that hangs nowhere yet.
pub(crate) fn move_mount(mount: i32, folder: i32, target: &CStr) -> Sys<()> {
    const FROM_EMPTY_PATH: usize = 4;
    done(abi::SYS_MOVE_MOUNT, [fd(mount), at(c""), fd(folder), at(target), FROM_EMPTY_PATH])
}

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user: u64,
}

/// Adds attributes to a mount, and with `recursive` to all below it.
pub(crate) fn restrict_mount(mount: i32, set: u64, recursive: bool) -> Sys<()> {
    let attributes = MountAttributes { set, clear: 0, propagation: 0, user: 0 };
    let flags = abi::AT_EMPTY_PATH | if recursive { abi::AT_RECURSIVE } else { 0 };
    let size = size_of::<MountAttributes>();
    done(abi::SYS_MOUNT_SETATTR, [fd(mount), at(c""), flags, of(&attributes), size])
}

/// A file system in memory that hangs nowhere yet.
pub(crate) fn tmpfs(options: &[(&CStr, &CStr)], attributes: u64) -> Sys<i32> {
    const CLOSE_ON_EXEC: usize = 1;
    const SET_STRING: usize = 1;
    const CREATE: usize = 6;
    let context = small(abi::SYS_FSOPEN, [at(c"tmpfs"), CLOSE_ON_EXEC])?;
    for (key, value) in options {
        done(abi::SYS_FSCONFIG, [fd(context), SET_STRING, at(key), at(value), 0])?;
    }
    done(abi::SYS_FSCONFIG, [fd(context), CREATE, 0, 0, 0])?;
    let mount = small(abi::SYS_FSMOUNT, [fd(context), CLOSE_ON_EXEC, attributes as usize]);
    close(context);
    mount
}

pub(crate) fn mount_private() -> Sys<()> {
    done(abi::SYS_MOUNT, [0, at(c"/"), 0, abi::MS_REC_PRIVATE, 0])
}

/// Makes the working folder, a mount, the root of all processes here, and lets go of the old one.
pub(crate) fn pivot_here() -> Sys<()> {
    done(abi::SYS_PIVOT_ROOT, [at(c"."), at(c".")])?;
    done(abi::SYS_UMOUNT2, [at(c"."), abi::MNT_DETACH])
}

/// Sends a packet; where nobody hears, no signal is raised.
pub(crate) fn send(number: i32, packet: &[u8]) -> Sys<()> {
    let words = [fd(number), packet.as_ptr() as usize, packet.len(), abi::MSG_NOSIGNAL, 0, 0];
    done(abi::SYS_SENDTO, words)
}

#[repr(C)]
struct Message {
    name: usize,
    name_length: usize,
    vectors: usize,
    vectors_length: usize,
    control: usize,
    control_length: usize,
    flags: usize,
}

#[repr(C)]
struct Rights {
    length: usize,
    level: i32,
    kind: i32,
    given: i32,
    padding: i32,
}

/// Sends a packet with a descriptor.
pub(crate) fn send_with(number: i32, packet: &[u8], given: i32) -> Sys<()> {
    const SOL_SOCKET: i32 = 1;
    const SCM_RIGHTS: i32 = 1;
    const LENGTH: usize = 20;
    let vector = [packet.as_ptr() as usize, packet.len()];
    let rights = Rights { length: LENGTH, level: SOL_SOCKET, kind: SCM_RIGHTS, given, padding: 0 };
    let message = Message {
        name: 0,
        name_length: 0,
        vectors: of(&vector),
        vectors_length: 1,
        control: of(&rights),
        control_length: size_of::<Rights>(),
        flags: 0,
    };
    done(abi::SYS_SENDMSG, [fd(number), of(&message), abi::MSG_NOSIGNAL])
}

/// A socket that listens on this network's own loopback, which is brought up for it.
pub(crate) fn listen_on_loopback(port: u16) -> Sys<i32> {
    const BACKLOG: usize = 64;
    let socket = small(abi::SYS_SOCKET, [abi::AF_INET as usize, abi::SOCK_STREAM_CLOEXEC, 0])?;
    // `struct ifreq`: the name in 16 bytes, then the flags in a union.
    let mut request = [0_u64; 5];
    request[0] = u64::from_ne_bytes(*b"lo\0\0\0\0\0\0");
    let mut up = [0_u8; 8];
    up[..2].copy_from_slice(&abi::IFF_UP.to_ne_bytes());
    request[2] = u64::from_ne_bytes(up);
    done(abi::SYS_IOCTL, [fd(socket), abi::SIOCSIFFLAGS, of(&request)])?;
    // `struct sockaddr_in`: family, port and address, the latter two in the network's order.
    let mut address = [0_u8; 16];
    address[..2].copy_from_slice(&abi::AF_INET.to_ne_bytes());
    address[2..4].copy_from_slice(&port.to_be_bytes());
    address[4..8].copy_from_slice(&[127, 0, 0, 1]);
    done(abi::SYS_BIND, [fd(socket), of(&address), address.len()])?;
    done(abi::SYS_LISTEN, [fd(socket), BACKLOG])?;
    Ok(socket)
}
