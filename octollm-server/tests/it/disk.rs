//! A disk that is full, and a folder that is read-only: a clear error, and nothing lost.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_octollm-server");

/// Fills a small file system of its own until a task is refused, frees some space, and goes on. Prints a word before each part.
const FILL: &str = r#"
set -u
mount -t tmpfs -o size=620k none "$1" || exit 99
export OCTOLLM_HOME="$1"
printf '{"ballast": "%s"}' "$(head -c 100000 /dev/zero | tr '\0' x)" >"$3/context"
accepted=0
for task in 1 2 3 4 5 6 7 8 9; do
    "$2" run "Search for a word that is nowhere, number $task" --context "@$3/context" --json >"$3/out" 2>"$3/err" || break
    accepted=$task
done
echo "ACCEPTED $accepted"; echo "REFUSED"; cat "$3/err"
mount -o remount,size=20m "$1" || exit 99
echo "LIST"; "$2" tasks list || exit 98
echo "AGAIN"; "$2" run "Search for a word that is nowhere, once more" --json || exit 97
"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn alone(arguments: &[&str]) -> Output {
    let mut command = Command::new("unshare");
    // As root in a namespace of its own: mounting needs that, and it ends with the process.
    command.args(["--user", "--map-root-user", "--mount", "--"]).args(arguments);
    command.output().expect("unshare (Debian's util-linux) must be there")
}

#[test]
fn a_full_disk_refuses_new_tasks_and_keeps_the_old_ones() {
    let (home, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mount, scratch) = (home.path().to_str().unwrap(), scratch.path().to_str().unwrap());
    let output = alone(&["sh", "-c", FILL, "fill", mount, PROGRAM, scratch]);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{:?}: {stdout}\n{stderr}", output.status);
    let accepted: usize = stdout.lines().next().unwrap().strip_prefix("ACCEPTED ").unwrap().parse().unwrap();
    assert!((1..9).contains(&accepted), "{stdout}");
    let (_, rest) = stdout.split_once("REFUSED").unwrap();
    let (refused, rest) = rest.split_once("LIST").unwrap();
    assert!(
        refused.contains("the disk or the quota is full") && refused.contains("free some space"),
        "{refused}"
    );
    let (listed, again) = rest.split_once("AGAIN").unwrap();
    assert_eq!(listed.matches("task-").count(), accepted, "those that were accepted, and no other: {listed}");
    assert!(again.contains("\"completed\""), "{again}");
}

#[test]
fn a_read_only_folder_says_what_to_change() {
    let home = tempfile::tempdir().unwrap();
    let run = |command: &mut Command| {
        command
            .args(["run", "Search for a word that is nowhere"])
            .env("OCTOLLM_HOME", home.path())
            .output()
            .unwrap()
    };
    assert!(run(&mut Command::new(PROGRAM)).status.success());
    for file in std::fs::read_dir(home.path()).unwrap() {
        std::fs::set_permissions(file.unwrap().path(), std::fs::Permissions::from_mode(0o444)).unwrap();
    }
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write anywhere: without its powers it is like anybody else.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--", PROGRAM]);
    let output = run(&mut command);
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("read-only") && stderr.contains("hint: give the user"), "{stderr}");
}
