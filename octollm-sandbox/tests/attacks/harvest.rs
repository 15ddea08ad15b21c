//! Tricks with what is left in `/work`.

use std::path::Path;

use octollm_sandbox::{Control, Limits, Sandbox};

use super::{errors, landlock, run, shell};

#[test]
fn links_and_specials_do_not_come_back_as_files() {
    let script = "ln -s /etc/passwd a; ln -s /etc dir; ln -s ../../../../../etc/shadow b; mkfifo fifo; \
                  ln -s loop loop; ln -s /dev/zero zero; ln -s / root; echo fine > z";
    for sandbox in [Sandbox::default(), landlock()] {
        let outcome = sandbox.run(&shell(script), &Control::default()).unwrap();
        let names: Vec<_> = outcome.work.files.iter().map(|file| file.path.as_path()).collect();
        assert_eq!(names, [Path::new("z")], "{}", errors(&outcome));
        assert!(outcome.work.incomplete);
    }
}

#[test]
fn a_given_file_that_became_a_link_is_no_file_any_more() {
    let command = shell("rm in/a && ln -s /etc/passwd in/a && rm -r other && ln -s /etc other")
        .file("in/a", "x")
        .file("other/passwd", "x");
    let outcome = run(&command);
    assert!(outcome.work.files.is_empty() && outcome.work.incomplete, "{:?}", outcome.work);
}

#[test]
fn a_second_name_of_a_machines_file_does_not_come_back() {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let script = format!("ln {0}/secret hard; cp -l {0}/secret hard2; true", folder.path().display());
    for sandbox in [Sandbox::default().readable(folder.path()), landlock().readable(folder.path())] {
        let outcome = sandbox.run(&shell(&script), &Control::default()).unwrap();
        assert!(outcome.work.files.is_empty(), "{:?}", outcome.work);
    }
    // Two names of one file of its own are two files.
    let outcome = run(&shell("echo x > a; ln a b"));
    assert_eq!(outcome.work.files.len(), 2);
}

#[test]
fn deep_many_large_and_sparse_files_stay_within_the_limits() {
    let limits = Limits { harvest_bytes: 1000, harvest_files: 3, ..Limits::default() };
    let outcome = run(&shell("for i in 1 2 3 4 5; do echo $i > $i; done").limits(limits.clone()));
    assert_eq!((outcome.work.files.len(), outcome.work.incomplete), (3, true));
    let outcome =
        run(&shell("truncate -s 60M a; head -c 999 /dev/zero > b; head -c 999 /dev/zero > c").limits(limits));
    let sizes: Vec<_> = outcome.work.files.iter().map(|file| file.bytes.len()).collect();
    assert_eq!((sizes, outcome.work.incomplete), (vec![999], true));
    let deep = "for i in $(seq 500); do mkdir d 2>/dev/null && cd d || break; done; echo x > deep; cd /work; echo y > top";
    let outcome = run(&shell(deep));
    assert_eq!((outcome.work.files.len(), outcome.work.incomplete), (1, true));
}

#[test]
fn names_are_bytes_and_files_without_permissions_are_no_error() {
    let script = "import os\nopen(b'n\\xff\\n\\x1b[2J', 'w').write('x')\nopen('closed', 'w').write('y')\n\
                  os.chmod('closed', 0)\nos.mkdir('shut'); open('shut/x', 'w').write('z'); os.chmod('shut', 0)";
    let outcome = run(&super::python(script));
    let names: Vec<_> =
        outcome.work.files.iter().map(|file| file.path.as_os_str().as_encoded_bytes()).collect();
    assert!(names.contains(&&b"n\xff\n\x1b[2J"[..]), "{names:?} {}", errors(&outcome));
}

#[test]
fn the_folder_itself_cannot_be_swapped() {
    // /work is a mount, and its parent is read-only.
    let outcome =
        run(&shell("cd /; mv /work /w2; rmdir /work; ln -s /etc /work; true; echo fine > /work/ok"));
    assert_eq!(outcome.work.files.len(), 1, "{}", errors(&outcome));
}
