//! Descriptors on their way from one process to another count for their user, over all runs.

use std::sync::mpsc;
use std::time::Duration;

use octollm_sandbox::{Command, Control, End, Layer, Limits, Sandbox};

use super::{python, text};

/// This process's own limit of open files, lowered for a while: what follows is about a service that has the usual one.
struct Lowered(libc::rlimit);

impl Lowered {
    fn to(soft: u64) -> Self {
        let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `before` is valid for the one write.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut before) }, 0);
        let lowered = libc::rlimit { rlim_cur: soft.min(before.rlim_cur), ..before };
        // SAFETY: reads `lowered`, which is whole.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const lowered) }, 0);
        Self(before)
    }
}

impl Drop for Lowered {
    fn drop(&mut self) {
        // SAFETY: reads what the kernel has written before.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const self.0) };
    }
}

/// Under a policy with thousands of open files, one run could keep every other from beginning.
#[test]
fn no_run_keeps_the_others_from_beginning() {
    let _lowered = Lowered::to(1024);
    let code = "import array, os, socket, time\na, b = socket.socketpair()\nr, w = os.pipe()\nn = 0\ntry:\n  \
        while True: a.sendmsg([b'x'], [(1, 1, array.array('i', [r] * 200))]); n += 200\n\
        except OSError as error: print(n, flush=True)\ntime.sleep(60)";
    let (sender, holding) = mpsc::channel();
    let control = Control::new().with_output(move |_, _| {
        let _ = sender.send(());
    });
    std::thread::scope(|scope| {
        let holder = python(code).limits(Limits { open_files: 4096, ..Limits::default() });
        let control_of_holder = control.clone();
        let holder = scope.spawn(move || Sandbox::default().run(&holder, &control_of_holder).unwrap());
        let held = holding.recv_timeout(Duration::from_secs(25));
        let other = Sandbox::default().run(&Command::new("/bin/true"), &Control::default());
        control.stop();
        let outcome = holder.join().unwrap();
        assert!(held.is_ok() && outcome.end == End::Stopped, "{:?}", outcome.end);
        // Above what it may have open, and below what everybody else is held to.
        let in_flight: u64 = text(&outcome).parse().unwrap();
        assert!((600..1024).contains(&in_flight), "{in_flight}");
        assert_eq!(other.unwrap().end, End::Exit(0), "stopped by {}", Layer::Limits);
    });
}
