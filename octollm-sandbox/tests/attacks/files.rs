//! What must not be read or written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use octollm_sandbox::{Control, Layer, Sandbox};

use super::{inside, is_root, landlock, outside, python, shell, stopped, stopped_inside, text};

/// A file that everybody may read and write, as a database might be, in a folder that everybody may enter.
fn database() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let file = folder.path().join("octollm.db");
    fs::write(&file, "secret").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let path = file.to_str().unwrap().to_owned();
    (folder, path)
}

fn reading(path: &str) -> String {
    format!("def attack(): open('{path}').read()")
}

#[test]
fn the_password_file_is_not_there() {
    let attack = reading("/etc/shadow");
    if is_root() {
        assert_eq!(outside(&attack), "REACHED");
    }
    stopped_inside(&Sandbox::default(), "shadow", &attack, Layer::Mounts, "ENOENT");
    stopped_inside(&landlock(), "shadow", &attack, Layer::Landlock, "EACCES");
}

#[test]
fn the_home_folder_is_not_there() {
    let home = std::env::var("HOME").unwrap();
    let attack = format!("def attack(): os.listdir('{home}')");
    stopped("home", &attack, Layer::Mounts, "ENOENT");
    stopped_inside(&landlock(), "home", &attack, Layer::Landlock, "EACCES");
}

#[test]
fn the_database_is_neither_read_nor_written_nor_replaced() {
    let (folder, path) = database();
    let above = folder.path().display();
    for (name, attack) in [
        ("read", reading(&path)),
        ("write", format!("def attack(): open('{path}', 'r+').write('changed')")),
        ("append", format!("def attack(): open('{path}', 'a').write('changed')")),
        ("beside", format!("def attack(): open('{above}/new', 'w').write('x')")),
        ("link", format!("def attack(): os.link('{path}', '{above}/link'), os.remove('{above}/link')")),
        (
            "rename",
            format!("def attack(): os.rename('{path}', '{above}/b'), os.rename('{above}/b', '{path}')"),
        ),
    ] {
        stopped(name, &attack, Layer::Mounts, "ENOENT");
        stopped_inside(&landlock(), name, &attack, Layer::Landlock, "EACCES");
    }
    // The link over a relative path, out of the folder that the command starts in.
    let up = "../".repeat(12);
    stopped("up", &reading(&format!("{up}{path}")), Layer::Mounts, "ENOENT");
    let link =
        format!("def attack(): os.symlink('{path}', '/tmp/l{0}'); open('/tmp/l{0}')", super::word("x"));
    stopped("symlink", &link, Layer::Mounts, "ENOENT");
    let _ = fs::remove_file(format!("/tmp/l{}", super::word("x")));
}

#[test]
fn the_system_cannot_be_written() {
    // Even a file that its mode lets everybody write.
    let (folder, path) = database();
    let sandbox = Sandbox::default().readable(folder.path());
    let open = format!("def attack(): open('{path}', 'r+b')");
    assert_eq!(outside(&open), "REACHED");
    stopped_inside(&sandbox, "open file", &open, Layer::Mounts, "EROFS");
    for path in ["/usr/new", "/new", "/etc/new", "/dev/new", "/usr/lib/new"] {
        let attack = format!("def attack(): open('{path}', 'w')");
        stopped_inside(&Sandbox::default(), path, &attack, Layer::Mounts, "EROFS");
        stopped_inside(&landlock(), path, &attack, Layer::Landlock, "EACCES");
    }
    let attack = "def attack(): os.remove('/etc/passwd')";
    stopped_inside(&Sandbox::default(), "remove", attack, Layer::Mounts, "EROFS");
}

#[test]
fn no_process_of_the_machine_is_seen() {
    let me = std::process::id();
    for path in ["environ", "mem", "maps", "root/etc/passwd", "cwd", "fd", "task"] {
        let path = format!("/proc/{me}/{path}");
        let attack = format!("def attack(): os.stat('{path}')");
        stopped(&path, &attack, Layer::Mounts, "ENOENT");
        // Names are seen there, and nothing read.
        let attack = format!("def attack(): os.open('{path}', os.O_RDONLY)");
        stopped_inside(&landlock(), &path, &attack, Layer::Landlock, "EACCES");
    }
    for path in [
        "/proc/self/fd/0",
        "/proc/self/exe",
        "/proc/self/root",
        "/proc/1/root",
        "/proc/self/environ",
        "/sys",
        "/run",
    ] {
        let attack = format!("def attack(): os.stat('{path}')");
        stopped_inside(&Sandbox::default(), path, &attack, Layer::Mounts, "ENOENT");
    }
}

#[test]
fn the_old_root_is_gone() {
    // Above the root is the root; and what was there before it is no mount any more.
    let code = "import os\nos.chdir('/')\nfor _ in range(9): os.chdir('..')\nprint(*sorted(os.listdir('.')))\n\
                print(os.stat('/').st_ino == os.stat('/..').st_ino)";
    let said = text(&super::run(&python(code)));
    let (names, same) = said.split_once('\n').unwrap();
    assert_eq!(same, "True");
    let allowed = ["bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "tmp", "usr", "work"];
    assert!(names.split(' ').all(|name| allowed.contains(&name)), "{names}");
    let said = text(&super::run(&shell("ls -A /etc /dev /tmp | tr '\\n' ' '")));
    for unexpected in
        ["shadow", "ssh", "ssl", "hostname", "machine-id", "resolv", "sda", "vda", "tty", "kvm", "mem"]
    {
        assert!(!said.split(' ').any(|name| name.starts_with(unexpected)), "{unexpected}: {said}");
    }
}

#[test]
fn devices_cannot_be_made_and_setuid_programs_give_nothing() {
    let device = "def attack(): os.mknod('/tmp/disk', 0o600 | 0o060000, os.makedev(8, 0))";
    stopped_inside(&Sandbox::default(), "mknod", device, Layer::Landlock, "EACCES");
    let own = "cp /usr/bin/id . && chmod 4755 id && ./id -u && ./id -ru";
    assert_eq!(text(&super::run(&shell(own))), "1000\n1000");
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("id");
    fs::copy("/usr/bin/id", &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o4755)).unwrap();
    let mut command = std::process::Command::new(&program);
    std::os::unix::process::CommandExt::uid(&mut command, 65534);
    let outside = command.arg("-u").output().unwrap().stdout;
    assert_eq!(outside, b"0\n", "the program is a setuid one outside");
    for sandbox in [Sandbox::default(), landlock()] {
        let expected = if sandbox.level == octollm_sandbox::Level::Full { "1000" } else { "65534" };
        let sandbox = sandbox.readable(folder.path());
        let command = octollm_sandbox::Command::new(&program).argument("-u");
        assert_eq!(text(&sandbox.run(&command, &Control::default()).unwrap()), expected);
    }
}

#[test]
fn a_readable_folder_gives_no_way_out_of_it() {
    let (folder, path) = database();
    let shown = folder.path().join("shown");
    fs::create_dir(&shown).unwrap();
    std::os::unix::fs::symlink(&path, shown.join("link")).unwrap();
    let sandbox = Sandbox::default().readable(&shown);
    let shown = shown.display();
    for attack in [reading(&format!("{shown}/link")), reading(&format!("{shown}/../octollm.db"))] {
        assert_eq!(outside(&attack), "REACHED");
        stopped_inside(&sandbox, "way out", &attack, Layer::Mounts, "ENOENT");
    }
    let attack = format!("def attack(): os.chmod('{shown}', 0o777)");
    stopped_inside(&sandbox, "chmod", &attack, Layer::Mounts, "EROFS");
}

/// Mounts do not keep a pipe with a name from being written; and Landlock's right to the sandbox's own /tmp would hold below it.
#[test]
fn a_pipe_of_the_machine_is_not_written() {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let made =
        std::process::Command::new("mkfifo").args(["-m", "666"]).arg(folder.path().join("pipe")).status();
    assert!(made.unwrap().success());
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let attack = format!("def attack(): os.open('{}/pipe', os.O_RDWR)", folder.path().display());
    assert_eq!(outside(&attack), "REACHED");
    let shown = Sandbox::default().readable(folder.path());
    stopped_inside(&shown, "a pipe", &attack, Layer::Landlock, "EACCES");
    let in_tmp = tempfile::tempdir_in("/tmp").unwrap();
    let error =
        Sandbox::default().readable(in_tmp.path()).run(&python("0"), &Control::default()).unwrap_err();
    assert_eq!((error.layer(), error.path()), (Layer::Request, Some(in_tmp.path())));
}

/// Landlock knows nothing of modes, owners and times: without a root of its own, the filter keeps them.
#[test]
fn a_file_of_the_same_user_keeps_its_mode_owner_and_times() {
    let (_folder, path) = database();
    if is_root() {
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    }
    let own = fs::metadata(&path).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&own);
    for line in [
        format!("os.chmod('{path}', 0o666)"),
        format!("os.chown('{path}', {owner}, -1)"),
        format!("os.utime('{path}', (0, 0))"),
        format!("os.setpriority(os.PRIO_PROCESS, {}, 0)", std::process::id()),
        format!("os.sched_setaffinity({0}, os.sched_getaffinity({0}))", std::process::id()),
    ] {
        let attack = format!("def attack(): {line}");
        assert_eq!(outside(&attack), "REACHED", "{line}");
        stopped_inside(&landlock(), &line, &attack, Layer::Seccomp, "EPERM");
    }
    let shown = landlock().readable(&path);
    let attack = format!("def attack(): os.fchmod(os.open('{path}', os.O_RDONLY), 0o600)");
    stopped_inside(&shown, "fchmod", &attack, Layer::Seccomp, "EPERM");
    let attack = format!("def attack(): os.utime(os.open('{path}', os.O_RDONLY), (0, 0))");
    assert_eq!(inside(&Sandbox::default().readable(&path), &attack), "STOPPED EROFS");
}

#[test]
fn handles_of_files_cannot_be_opened() {
    let attack = format!(
        "def attack():\n    handle = ctypes.create_string_buffer(bytes([128, 0, 0, 0]) + bytes(140))\n    mount = ctypes.c_int()\n    \
         call({}, ctypes.c_int(-100), b'/usr', handle, ctypes.byref(mount), 0)",
        libc::SYS_name_to_handle_at
    );
    stopped("handle", &attack, Layer::Seccomp, "EPERM");
    let said = inside(
        &Sandbox::default(),
        &format!("def attack(): call({}, -100, 0, 0)", libc::SYS_open_by_handle_at),
    );
    assert_eq!(said, "STOPPED EPERM");
}
