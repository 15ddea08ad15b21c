//! What a tree of processes takes, read from `/proc` outside: the kernel's limits count each process by itself.

use std::fs;
use std::io::{self, ErrorKind};
use std::time::Duration;

use libc::pid_t;

/// More processes than any limit that makes sense.
const MOST: usize = 4096;

/// What a tree takes at a moment, without its root's own memory, which is a copy of the caller's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Bytes of private memory, in or out of it, and of page tables.
    pub(super) memory: u64,
    /// Processor time of all that live or were waited for. (A process that ignores its children's ends hides theirs.)
    pub(super) cpu: Duration,
    pub(super) processes: usize,
}

/// Measures the tree below `root`. A process that ends meanwhile counts for nothing.
///
/// # Errors
/// Where something that is there cannot be read: what cannot be measured must not be taken for nothing.
pub(super) fn usage(root: pid_t) -> io::Result<Usage> {
    let mut usage = Usage { cpu: cpu(root, false)?, ..Usage::default() };
    let mut found = Vec::new();
    descendants(root, &mut found)?;
    for pid in found {
        usage.processes += 1;
        usage.memory = usage.memory.saturating_add(memory(pid)?);
        usage.cpu = usage.cpu.saturating_add(cpu(pid, true)?);
    }
    Ok(usage)
}

/// Whether this kernel says who is whose child.
pub(super) fn is_visible(root: pid_t) -> bool {
    fs::exists(format!("/proc/{root}/task/{root}/children")).unwrap_or(false)
}

/// Adds all processes below `root` to `found`, as far as they can be found.
///
/// # Errors
/// Where the children of one that is there cannot be read.
pub(super) fn descendants(root: pid_t, found: &mut Vec<pid_t>) -> io::Result<()> {
    children(root, found)?;
    let mut next = 0;
    while let Some(pid) = found.get(next).copied().filter(|_| found.len() <= MOST) {
        children(pid, found)?;
        next += 1;
    }
    Ok(())
}

/// A child belongs to the thread that made it.
fn children(pid: pid_t, found: &mut Vec<pid_t>) -> io::Result<()> {
    for thread in threads(pid)? {
        let list = unless_gone(fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")))?;
        let list = list.unwrap_or_default();
        found.extend(list.split_ascii_whitespace().filter_map(|word| word.parse::<pid_t>().ok()));
    }
    Ok(())
}

fn threads(pid: pid_t) -> io::Result<Vec<pid_t>> {
    let Some(tasks) = unless_gone(fs::read_dir(format!("/proc/{pid}/task")))? else { return Ok(Vec::new()) };
    let mut threads = Vec::new();
    for task in tasks {
        let Some(task) = unless_gone(task)? else { break };
        threads.extend(task.file_name().to_str().and_then(|name| name.parse::<pid_t>().ok()));
    }
    Ok(threads)
}

/// Nothing of what ended between two looks.
pub(super) fn unless_gone<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The memory that a process's threads share. One whose main thread has ended shows it by another thread only.
fn memory(pid: pid_t) -> io::Result<u64> {
    for thread in [pid].into_iter().chain(threads(pid)?) {
        let status = unless_gone(fs::read(format!("/proc/{pid}/task/{thread}/status")))?;
        if let Some(bytes) = status.as_deref().and_then(memory_in) {
            return Ok(bytes);
        }
    }
    Ok(0)
}

/// What a status says, if it says something of memory. It begins with a name that may be any bytes, but has one line.
fn memory_in(status: &[u8]) -> Option<u64> {
    let kilobytes = status.split(|byte| *byte == b'\n').filter_map(|line| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        matches!(name, "RssAnon" | "VmSwap" | "VmPTE")
            .then(|| value.trim().trim_end_matches(" kB").parse::<u64>().ok())?
    });
    let sum =
        kilobytes.fold(None, |sum: Option<u64>, more| Some(sum.unwrap_or_default().saturating_add(more)));
    sum.map(|kilobytes| kilobytes.saturating_mul(1024))
}

/// Processor time of a process and its reaped children, or of these alone.
fn cpu(pid: pid_t, own: bool) -> io::Result<Duration> {
    let Some(stat) = unless_gone(fs::read(format!("/proc/{pid}/stat")))? else { return Ok(Duration::ZERO) };
    let ticks = ticks_in(&stat).ok_or(ErrorKind::InvalidData)?;
    let [user, system, children_user, children_system] = ticks;
    let ticks = children_user + children_system + if own { user + system } else { 0 };
    // SAFETY: no memory is passed.
    let per_second = u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1);
    Ok(Duration::from_millis(ticks.saturating_mul(1000) / per_second))
}

/// The program's name stands in brackets and may be any bytes; what follows are numbers, from the third field on.
fn ticks_in(stat: &[u8]) -> Option<[u64; 4]> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let fields = rest.split_ascii_whitespace().skip(11).take(4);
    fields.map(|field| field.parse().ok()).collect::<Option<Vec<_>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_of_all_threads_are_found_and_measured() {
        let child = std::thread::spawn(|| std::process::Command::new("sleep").arg("60").spawn().unwrap());
        let mut child = child.join().unwrap();
        let me = std::process::id() as pid_t;
        let mut found = Vec::new();
        descendants(me, &mut found).unwrap();
        assert!(is_visible(me) && found.contains(&(child.id() as pid_t)));
        let usage = usage(me).unwrap();
        assert!(usage.processes >= 1 && usage.memory > 4096, "{usage:?}");
        assert!(cpu(me, true).unwrap() >= cpu(me, false).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn who_is_gone_counts_for_nothing() {
        assert_eq!(usage(pid_t::MAX).unwrap(), Usage::default());
    }

    #[test]
    fn a_name_hides_nothing() {
        let status = b"Name:\tRssAnon: 1 kB \xff\nVmPTE:\t      44 kB\nRssAnon:\t     100 kB\n";
        assert_eq!(memory_in(status), Some(144 * 1024));
        assert_eq!(memory_in(b"Name:\tx\nState:\tZ (zombie)\n"), None);
        let stat = b"7 (a) R 0 \xff) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";
        assert_eq!(ticks_in(stat), Some([11, 12, 13, 14]));
        assert_eq!(ticks_in(b"7 (x"), None);
    }
}
