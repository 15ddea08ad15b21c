//! What a tree of processes takes, read from `/proc` outside: the kernel's limits count each process by itself.

use std::fs;
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
pub(super) fn usage(root: pid_t) -> Usage {
    let mut usage = Usage { cpu: cpu(root, false).unwrap_or_default(), ..Usage::default() };
    for pid in descendants(root) {
        usage.processes += 1;
        usage.memory = usage.memory.saturating_add(memory(pid).unwrap_or_default());
        usage.cpu = usage.cpu.saturating_add(cpu(pid, true).unwrap_or_default());
    }
    usage
}

/// Whether this kernel says who is whose child.
pub(super) fn is_visible(root: pid_t) -> bool {
    fs::exists(format!("/proc/{root}/task/{root}/children")).unwrap_or(false)
}

/// All processes below `root`.
pub(super) fn descendants(root: pid_t) -> Vec<pid_t> {
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        let before = found.len();
        children(pid, &mut found);
        if found.len() > MOST {
            break;
        }
        next.extend(found.iter().skip(before));
    }
    found
}

/// A child belongs to the thread that made it.
fn children(pid: pid_t, found: &mut Vec<pid_t>) {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for task in tasks.flatten() {
        let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(list.split_ascii_whitespace().filter_map(|word| word.parse::<pid_t>().ok()));
    }
}

fn memory(pid: pid_t) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes = status.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        matches!(name, "RssAnon" | "VmSwap" | "VmPTE")
            .then(|| value.trim().trim_end_matches(" kB").parse::<u64>().ok())?
    });
    Some(kilobytes.fold(0, u64::saturating_add).saturating_mul(1024))
}

/// Processor time of a process and its reaped children, or of these alone.
fn cpu(pid: pid_t, own: bool) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in brackets and may hold anything; what follows are numbers, from the third field on.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<u64> =
        rest.split_ascii_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    let [user, system, children_user, children_system] = fields[..] else { return None };
    let ticks = children_user + children_system + if own { user + system } else { 0 };
    // SAFETY: no memory is passed.
    let per_second = u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1);
    Some(Duration::from_millis(ticks.saturating_mul(1000) / per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_of_all_threads_are_found_and_measured() {
        let child = std::thread::spawn(|| std::process::Command::new("sleep").arg("60").spawn().unwrap());
        let mut child = child.join().unwrap();
        let me = std::process::id() as pid_t;
        assert!(is_visible(me) && descendants(me).contains(&(child.id() as pid_t)));
        let usage = usage(me);
        assert!(usage.processes >= 1 && usage.memory > 4096, "{usage:?}");
        assert!(cpu(me, true).unwrap() >= cpu(me, false).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn who_is_gone_counts_for_nothing() {
        assert_eq!(usage(pid_t::MAX), Usage::default());
    }
}
