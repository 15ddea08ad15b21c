//! The suite again as a user without any privilege, where it runs as root: two ways to set up the same sandbox.

use std::os::unix::process::CommandExt as _;

#[test]
fn an_ordinary_user_is_as_safe() {
    if !super::is_root() {
        return;
    }
    let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
    tests.args(["files::", "kernel::", "network::", "leaks::", "harvest::"]).uid(65534).gid(65534);
    // A home of its own, so that there is one to be read outside.
    let output = tests.current_dir("/").env("HOME", "/var").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !said.contains("running 0 tests"), "{said}");
}
