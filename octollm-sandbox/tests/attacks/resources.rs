//! What must not be used up.

use std::time::Duration;

use octollm_sandbox::{Command, Control, End, Layer, Limits, Outcome, Sandbox};

use super::{errors, landlock, python, run, shell, stopped, stopped_inside, text};

const MIB: u64 = 1 << 20;

fn limited(code: &str, limits: Limits) -> Outcome {
    run(&python(code).limits(limits))
}

#[test]
fn a_memory_bomb_is_killed() {
    let code = "x = []\nwhile True: x.append(bytearray(1 << 22))";
    let limits = Limits { memory: 128 * MIB, ..Limits::default() };
    for sandbox in [Sandbox::default(), landlock()] {
        let outcome = sandbox.run(&python(code).limits(limits.clone()), &Control::default()).unwrap();
        assert_eq!(outcome.end, End::Memory, "stopped by {} {}", Layer::Supervision, errors(&outcome));
    }
}

#[test]
fn many_small_memory_bombs_are_one() {
    let code = "import os, time\nfor _ in range(8):\n  if os.fork() == 0:\n    x = bytearray(b'x' * (40 << 20)); time.sleep(60)\n\
                time.sleep(60)";
    let outcome = limited(code, Limits { memory: 200 * MIB, ..Limits::default() });
    assert_eq!(outcome.end, End::Memory);
}

/// A process that cannot be measured is none that takes nothing.
#[test]
fn nothing_hides_what_a_process_takes() {
    let bomb = "x = bytearray(b'x' * (200 << 20)); time.sleep(60)";
    let name = "import ctypes, time\nctypes.CDLL(None).prctl(15, b'\\xff\\xfe', 0, 0, 0)\n";
    // The main thread ends, another one goes on.
    let zombie = format!(
        "import ctypes, threading, time\ndef bomb(): {bomb}\nthreading.Thread(target=bomb).start()\n\
         ctypes.CDLL(None).syscall({}, 0)",
        libc::SYS_exit
    );
    for code in [format!("{name}{bomb}"), zombie] {
        for sandbox in [Sandbox::default(), landlock()] {
            let limits = Limits { memory: 100 * MIB, wall: Duration::from_secs(20), ..Limits::default() };
            let outcome = sandbox.run(&python(&code).limits(limits), &Control::default()).unwrap();
            assert_eq!(outcome.end, End::Memory, "stopped by {} {}", Layer::Supervision, errors(&outcome));
        }
    }
    let spin =
        "import os, time\nfor _ in range(4):\n  if os.fork() == 0:\n    while True: pass\ntime.sleep(60)";
    let limits = Limits { cpu: Duration::from_secs(1), wall: Duration::from_secs(300), ..Limits::default() };
    assert_eq!(limited(&format!("{name}{spin}"), limits).end, End::CpuTime);
}

/// The kernel's own memory is charged to nobody.
#[test]
fn buffers_of_sockets_and_pipes_stay_small() {
    let held = |prepare: &str| -> u64 {
        let code = format!(
            "import fcntl, os, socket\na, b = socket.socketpair()\nr, w = os.pipe()\n{prepare}\na.setblocking(False)\n\
             n = 0\ntry:\n  while True: n += a.send(bytes(4096))\nexcept BlockingIOError: print(n)"
        );
        text(&run(&python(&code))).parse().unwrap()
    };
    let usual = held("");
    assert!(usual <= 512 << 10, "{usual} bytes");
    assert_eq!(held("a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)"), usual);
    let pipe = "import fcntl\ndef attack(): fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)";
    stopped("a long pipe", pipe, Layer::Seccomp, "EPERM");
    let pages = "def attack():\n    with open('/tmp/page', 'wb') as f: f.write(bytes(8192))\n    \
        a, b = socket.socketpair()\n    os.sendfile(a.fileno(), os.open('/tmp/page', os.O_RDONLY), 0, 1)";
    stopped("pages of files", pages, Layer::Seccomp, "EINVAL");
    // `shutil` copies without it.
    let code = "import shutil\nopen('/work/a', 'w').write('text')\nshutil.copyfile('/work/a', '/work/b')\nprint(open('/work/b').read())";
    assert_eq!(text(&run(&python(code))), "text");
}

#[test]
fn one_process_gets_no_more_address_space() {
    let code = "try: bytearray(1 << 30)\nexcept MemoryError: print('no')";
    let outcome = limited(code, Limits { address_space: 512 * MIB, ..Limits::default() });
    assert_eq!(text(&outcome), "no", "stopped by {}", Layer::Limits);
}

#[test]
fn memory_that_nobody_is_charged_for_is_not_given() {
    let shared = "def attack(): mmap.mmap(-1, 1 << 20, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)";
    stopped("shared memory", shared, Layer::Seccomp, "EPERM");
    let huge = "def attack(): mmap.mmap(-1, 1 << 21, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)";
    stopped_inside(&Sandbox::default(), "huge pages", huge, Layer::Seccomp, "EPERM");
    let zero = "def attack(): mmap.mmap(os.open('/dev/zero', os.O_RDONLY), 4096, mmap.MAP_SHARED, prot=1)";
    stopped("mapped zeroes", zero, Layer::Mounts, "ENODEV");
    let file = format!("def attack(): call({}, b'x', 0)", libc::SYS_memfd_create);
    stopped("a file in memory", &file, Layer::Seccomp, "EPERM");
    let locked = "def attack(): os.open('/dev/mqueue', 0)";
    stopped_inside(&Sandbox::default(), "message queues", locked, Layer::Mounts, "ENOENT");
}

#[test]
fn no_disk_is_filled() {
    let code = "import errno, sys\nfor folder in ('/work', '/tmp', '/dev/shm'):\n  n = 0\n  try:\n    for i in range(64):\n      \
         with open(f'{folder}/{i}', 'wb') as f:\n        f.write(bytes(1 << 20)); n += 1\n  \
         except OSError as e: print(folder, n, errno.errorcode[e.errno])";
    let outcome = limited(code, Limits { work_bytes: 8 * MIB, harvest_bytes: 0, ..Limits::default() });
    // The last is a link to the one before: the same files, written again.
    let expected = "/work 8 ENOSPC\n/tmp 8 ENOSPC\n/dev/shm 8 ENOSPC";
    assert_eq!(text(&outcome), expected, "stopped by {}", Layer::Mounts);
    assert!(outcome.work.files.iter().all(|file| file.bytes.is_empty()) && outcome.work.incomplete);
}

#[test]
fn no_file_grows_for_ever() {
    let limits = Limits { work_bytes: 4 * MIB, ..Limits::default() };
    let outcome = run(&shell("exec dd if=/dev/zero of=big bs=1M count=1 seek=100").limits(limits.clone()));
    assert_eq!(outcome.end, End::Storage, "{} stopped by {}", errors(&outcome), Layer::Limits);
    let command = shell("i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > f$i; done").limits(limits);
    let outcome = landlock().run(&command, &Control::default()).unwrap();
    assert_eq!(outcome.end, End::Storage, "stopped by {}", Layer::Supervision);
}

#[test]
fn no_names_are_used_up() {
    let code = "import errno, os\nn = 0\ntry:\n  while True: os.mkdir(f'/work/{n}'); n += 1\nexcept OSError as e: print(n, errno.errorcode[e.errno])";
    let outcome = limited(code, Limits { work_files: 100, ..Limits::default() });
    assert_eq!(text(&outcome), "100 ENOSPC", "stopped by {}", Layer::Mounts);
    let outcome = limited(
        "import errno\nx = []\ntry:\n  while True: x.append(open('/dev/null'))\nexcept OSError as e: print(errno.errorcode[e.errno])",
        Limits { open_files: 40, ..Limits::default() },
    );
    assert_eq!(text(&outcome), "EMFILE", "stopped by {}", Layer::Limits);
}

#[test]
fn endless_output_is_dropped_and_ends_with_its_time() {
    let limits = Limits { wall: Duration::from_secs(1), output_bytes: 1000, ..Limits::default() };
    let outcome = run(&Command::new("yes").limits(limits));
    assert_eq!((outcome.end, outcome.stdout.bytes.len()), (End::WallTime, 1000));
    assert!(outcome.stdout.truncated);
}

#[test]
fn the_processor_is_given_for_a_time_only() {
    // Long enough on a machine that gives it a tenth of a processor.
    let limits = Limits { cpu: Duration::from_secs(1), wall: Duration::from_secs(300), ..Limits::default() };
    assert_eq!(limited("while True: pass", limits.clone()).end, End::CpuTime, "stopped by {}", Layer::Limits);
    // One that the others do not wait for, none of them for long.
    let code =
        "import os, time\nfor _ in range(4):\n  if os.fork() == 0:\n    while True: pass\ntime.sleep(60)";
    assert_eq!(limited(code, limits).end, End::CpuTime, "stopped by {}", Layer::Supervision);
}

#[test]
fn time_is_up_also_for_who_sleeps() {
    let limits = Limits { wall: Duration::from_millis(300), ..Limits::default() };
    assert_eq!(run(&shell("sleep 100").limits(limits)).end, End::WallTime);
}

#[test]
fn limits_cannot_be_raised_and_no_core_is_dumped() {
    let code = "import resource as r\nfor name in ('NPROC', 'NOFILE', 'AS', 'FSIZE', 'CORE', 'CPU'):\n  \
        n = getattr(r, 'RLIMIT_' + name)\n  try: r.setrlimit(n, (r.RLIM_INFINITY, r.RLIM_INFINITY)); print(name, 'raised')\n  \
        except ValueError: pass\nprint(r.getrlimit(r.RLIMIT_CORE))";
    assert_eq!(text(&run(&python(code))), "(1, 1)", "stopped by {}", Layer::Limits);
    let outcome = run(&shell("kill -SEGV $$"));
    assert_eq!(outcome.end, End::Signal(libc::SIGSEGV));
    assert!(outcome.work.files.is_empty(), "{:?}", outcome.work);
}

/// Between `clone` and `execve` the program's process is a copy of the caller, whose size is not the program's.
#[test]
fn the_callers_own_memory_is_not_counted() {
    let ballast = std::hint::black_box(vec![1_u8; 256 << 20]);
    for _ in 0..10 {
        let limits = Limits { memory: 100 * MIB, ..Limits::default() };
        assert_eq!(run(&shell("sleep 0.1").limits(limits)).end, End::Exit(0));
    }
    assert_eq!(ballast.len(), 256 << 20);
}

/// What the kernel takes as arguments of a program is bounded; more is an error with a name, and nothing runs.
#[test]
fn arguments_without_end_are_refused() {
    let command = Command::new("/bin/true").argument("x".repeat(3 << 20));
    let error = Sandbox::default().run(&command, &Control::default()).unwrap_err();
    assert_eq!((error.layer(), error.errno()), (Layer::Start, Some(libc::E2BIG)));
    let command = Command::new("/bin/true").arguments((0..600_000).map(|_| "x"));
    assert!(Sandbox::default().run(&command, &Control::default()).is_err());
}

/// More than can be shown is refused by name, before anything runs.
#[test]
fn more_readable_paths_than_there_is_room_for_are_refused() {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let mut sandbox = Sandbox::default();
    for number in 0..300 {
        let path = folder.path().join(number.to_string());
        std::fs::write(&path, "x").unwrap();
        sandbox = sandbox.readable(path);
    }
    let error = sandbox.run(&Command::new("/bin/true"), &Control::default()).unwrap_err();
    assert_eq!((error.layer(), error.errno()), (Layer::Mounts, Some(libc::E2BIG)));
}
