//! What ordinary commands may expect of the sandbox, run for real.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use octollm_sandbox::{Command, Control, End, Layer, Level, Limits, Outcome, Sandbox, Status, Stream};

fn shell(script: &str) -> Command {
    Command::new("/bin/sh").argument("-c").argument(script)
}

fn python(script: &str) -> Command {
    Command::new("/usr/bin/python3").argument("-c").argument(script)
}

fn run(command: &Command) -> Outcome {
    Sandbox::default().run(command, &Control::default()).unwrap()
}

fn out(outcome: &Outcome) -> String {
    String::from_utf8_lossy(&outcome.stdout.bytes).into_owned()
}

fn err(outcome: &Outcome) -> String {
    String::from_utf8_lossy(&outcome.stderr.bytes).into_owned()
}

#[test]
fn a_program_gets_its_arguments_input_and_files_and_its_answer_comes_back() {
    let command = Command::new("sh")
        .arguments(["-c", "cat in/a.txt - && echo $1 $GREETING && echo oops >&2; exit 3", "sh", "a b"])
        .file("in/a.txt", "file ")
        .stdin("input\n")
        .variable("GREETING", "hello");
    let outcome = run(&command);
    assert_eq!(outcome.end, End::Exit(3));
    assert_eq!(out(&outcome), "file input\na b hello\n");
    assert_eq!(err(&outcome), "oops\n");
    assert!(!outcome.stdout.truncated && outcome.work.files.is_empty() && !outcome.work.incomplete);
}

#[test]
fn every_layer_is_there() {
    for (layer, status) in Sandbox::default().probe() {
        assert_eq!(status, Status::Available, "{layer}");
    }
}

#[test]
fn python_speaks_unicode_tests_itself_and_leaves_files() {
    let test = "import unittest, pathlib\nclass T(unittest.TestCase):\n  def test(self):\n    \
                pathlib.Path('sub').mkdir(); pathlib.Path('sub/ü.txt').write_text('größer')\n    \
                self.assertEqual('héllo 🐙'[::-1], '🐙 olléh')\nprint('🐙')\nunittest.main()";
    let outcome = run(&Command::new("/usr/bin/python3").argument("t.py").file("t.py", test));
    assert_eq!((outcome.end, out(&outcome).as_str()), (End::Exit(0), "🐙\n"), "{}", err(&outcome));
    assert!(err(&outcome).contains("Ran 1 test"));
    let [file] = &outcome.work.files[..] else { panic!("{:?}", outcome.work) };
    assert_eq!((file.path.as_path(), &*file.bytes), (Path::new("sub/ü.txt"), "größer".as_bytes()));
}

#[test]
fn processes_threads_pipes_and_shared_queues_work() {
    let outcome = run(&shell("seq 1000 | sort -rn | (head -n 1; cat >/dev/null) && (sleep 0 & wait)"));
    assert_eq!((outcome.end, out(&outcome).as_str()), (End::Exit(0), "1000\n"), "{}", err(&outcome));
    let script = "import asyncio, multiprocessing, subprocess, threading\n\
         def work(q): q.put(sum(range(10)))\n\
         async def main():\n  p = await asyncio.create_subprocess_exec('echo', 'sub'); await p.wait()\n\
         if __name__ == '__main__':\n  q = multiprocessing.Queue(); p = multiprocessing.Process(target=work, args=(q,)); p.start()\n  \
         print(q.get(), flush=True); p.join(); asyncio.run(main())\n  \
         t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n  \
         print(subprocess.check_output(['echo', 'check'], text=True).strip())";
    let outcome = run(&Command::new("/usr/bin/python3").argument("m.py").file("m.py", script));
    assert_eq!(out(&outcome), "45\nsub\nthread\ncheck\n", "{}", err(&outcome));
}

#[test]
fn everyday_tools_work() {
    let script = "set -e; echo x > a; cp a b; cp -p a c; mv b d; ln a e; tar cf t.tar a c d; gzip t.tar; touch a; \
                  chmod 700 a; sort a c | uniq -c > /dev/null; find . -name a > /dev/null; mktemp > /dev/null; \
                  sed -i s/x/y/ d; awk '{ print }' d; head -c 3 /dev/urandom | wc -c; tail -n 1 c; rm -r *";
    let outcome = run(&shell(script));
    assert_eq!((outcome.end, out(&outcome).as_str()), (End::Exit(0), "y\n3\nx\n"), "{}", err(&outcome));
    assert_eq!(err(&outcome), "");
}

#[test]
fn a_program_that_a_signal_ends_says_which() {
    assert_eq!(run(&shell("kill -TERM $$")).end, End::Signal(15));
}

#[test]
fn what_cannot_start_is_an_error_that_says_so() {
    for (program, errno) in [("/usr/bin/no-such-program", 2), ("no-such-program", 2), ("/usr", 13)] {
        let error = Sandbox::default().run(&Command::new(program), &Control::default()).unwrap_err();
        assert_eq!((error.layer(), error.errno()), (Layer::Start, Some(errno)), "{program}");
    }
}

#[test]
fn requests_that_make_no_sense_are_refused_before_anything_happens() {
    for path in ["../x", "/x", "a/../../x", "", "a/", "."] {
        let error = Sandbox::default().run(&shell("true").file(path, "x"), &Control::default()).unwrap_err();
        assert_eq!(error.layer(), Layer::Request, "{path:?}");
    }
    for path in ["/", "/proc", "/proc/1", "/dev", "/work", "relative", "/usr/../etc", "/no/such/path"] {
        let sandbox = Sandbox::default().readable(path);
        assert_eq!(
            sandbox.run(&shell("true"), &Control::default()).unwrap_err().layer(),
            Layer::Request,
            "{path}"
        );
    }
    let error = Sandbox::default().run(&shell("a\0b"), &Control::default()).unwrap_err();
    assert_eq!(error.layer(), Layer::Request);
}

#[test]
fn a_readable_folder_is_seen_at_its_place_and_cannot_be_changed() {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    std::fs::write(folder.path().join("data"), "shown").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let path = folder.path().display();
    let script = format!("cat {path}/data; echo x > {path}/data; rm {path}/data; touch {path}/new; true");
    assert_eq!(out(&run(&shell(&script))), "", "not shown unless asked for");
    let sandbox = Sandbox::default().readable(folder.path());
    let outcome = sandbox.run(&shell(&script), &Control::default()).unwrap();
    assert_eq!(out(&outcome), "shown");
    assert_eq!(std::fs::read(folder.path().join("data")).unwrap(), b"shown");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn output_comes_as_it_is_written_and_is_kept_up_to_its_limit() {
    let pieces = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&pieces);
    let control = Control::new()
        .with_output(move |stream, bytes: &[u8]| seen.lock().unwrap().push((stream, bytes.to_vec())));
    let limits = Limits { output_bytes: 10, ..Limits::default() };
    let command = shell("echo first; sleep 0.3; echo second; echo err >&2").limits(limits);
    let outcome = Sandbox::default().run(&command, &control).unwrap();
    assert_eq!(outcome.stdout.bytes, b"first\nseco");
    assert!(outcome.stdout.truncated && !outcome.stderr.truncated);
    let pieces = pieces.lock().unwrap();
    let of =
        |wanted| pieces.iter().filter(move |(stream, _)| *stream == wanted).map(|(_, bytes)| bytes.clone());
    assert_eq!(of(Stream::Stdout).collect::<Vec<_>>(), [b"first\n".to_vec(), b"seco".to_vec()]);
    assert_eq!(of(Stream::Stderr).collect::<Vec<_>>(), [b"err\n".to_vec()]);
}

#[test]
fn another_thread_can_stop_it() {
    let control = Control::new();
    let other = control.clone();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        other.stop();
    });
    let outcome = Sandbox::default().run(&shell("trap '' TERM; sleep 1000"), &control).unwrap();
    assert_eq!(outcome.end, End::Stopped);
    stopper.join().unwrap();
}

#[test]
fn twenty_at_once_do_not_see_each_other() {
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..20)
            .map(|number| {
                scope.spawn(move || {
                    let script = format!(
                        "import os, time\nopen('/tmp/mine', 'x').write('{number}')\ntime.sleep(0.3)\n\
                         print(open('/tmp/mine').read(), os.getppid())"
                    );
                    run(&python(&script))
                })
            })
            .collect();
        for (number, run) in runs.into_iter().enumerate() {
            let outcome = run.join().unwrap();
            assert_eq!(out(&outcome), format!("{number} 1\n"), "{}", err(&outcome));
        }
    });
}

#[test]
fn the_weaker_levels_run_commands_too() {
    for level in [Level::Landlock, Level::None] {
        let command = shell("cat in/a; echo out > b; echo $HOME; pwd").file("in/a", "x\n");
        let outcome = Sandbox::new(level).run(&command, &Control::default()).unwrap();
        assert_eq!(outcome.end, End::Exit(0), "{level:?} {}", err(&outcome));
        let text = out(&outcome);
        let [x, home, here] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert_eq!((x, home), ("x", here));
        assert_eq!(outcome.work.files.len(), 1);
        assert!(!Path::new(home).exists(), "the temporary folder is gone");
    }
}

/// The other tests again as a user without any privilege, where these run as root.
#[test]
fn an_ordinary_user_gets_the_same() {
    use std::os::unix::process::CommandExt as _;

    // SAFETY: no memory is passed; cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let mut tests = std::process::Command::new(program);
    tests.args(["--skip", "an_ordinary_user"]).uid(65534).gid(65534).current_dir("/").env("HOME", "/");
    let output = tests.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
