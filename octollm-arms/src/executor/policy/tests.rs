use super::*;

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn allowed(policy: &Policy, name: &str, line: &str) -> Result<Program> {
    policy.command(name, &words(line), Place::Arguments, &BTreeMap::new())
}

#[test]
fn the_built_in_policy_is_sound_and_allows_little() {
    let policy = Policy::built_in().unwrap();
    assert_eq!(policy.sandbox(), Level::Full);
    assert_eq!(policy.allows(), [true, true, false]);
    assert!(policy.label().starts_with("default@"));
    let python = policy.interpreter("python").unwrap();
    assert!(python.path.is_absolute() && python.script.as_deref() == Some("main.py"));
    assert!(policy.interpreter("sh").is_err());
    for (name, line) in
        [("echo", "hello"), ("wc", "-l notes.txt"), ("ls", "-la"), ("seq", "1 5"), ("cat", "/usr/share/a")]
    {
        assert!(allowed(&policy, name, line).is_ok(), "{name} {line}");
    }
    for (name, line) in [
        ("sh", "-c id"),
        ("bash", ""),
        ("env", "sh"),
        ("find", ". -exec id"),
        ("curl", "http://x"),
        ("cat", "/etc/passwd"),
        ("sort", "-o x y"),
        ("sort", "--compress-program=sh x"),
        ("ls", "--hyperlink"),
        ("date", "-s 1"),
        ("date", "-f x"),
        ("wc", "--files0-from=x"),
        ("/usr/bin/echo", "x"),
        ("../echo", "x"),
        ("tail", "-f x"),
        ("", ""),
    ] {
        assert!(allowed(&policy, name, line).is_err(), "{name} {line}");
    }
}

#[test]
fn what_is_refused_is_named_by_place_policy_and_what_there_is() {
    let policy = Policy::built_in().unwrap();
    let refused = |name: &str, line: &str| allowed(&policy, name, line).map(|_| ()).unwrap_err();
    let error = refused("sort", "-n --output=secret notes.txt");
    assert_eq!((error.kind(), error.faults()[0].pointer.as_str()), (ErrorKind::Unauthorized, "/args/1"));
    assert!(
        error.faults()[0]
            .detail
            .starts_with("of `sort` is a flag that the rule does not have; it has `--numeric-sort`")
    );
    assert!(!format!("{error:?}").contains("secret"));
    assert!(refused("rm", "x").faults()[0].detail.contains("it has `basename`, `cat`"));
    assert!(error.context("policy").unwrap().starts_with("default@"));
}

/// What the manual shows can be copied and works.
#[test]
fn the_policy_in_the_manual_can_be_read() {
    let manual = include_str!("../../../../docs/executor.md");
    let (_, after) = manual.split_once("```toml\n").unwrap();
    let policy = Policy::from_toml(after.split_once("```").unwrap().0).unwrap();
    assert_eq!(policy.allows(), [true, true, true]);
    let fits =
        |name: &str, line: &str| policy.commands[name].rule.check(&words(line), &policy.visible).is_ok();
    assert!(fits("git", "log -n 5 --oneline") && !fits("git", "-c a=b log") && !fits("git", "push"));
    assert!(fits("find", ". -name *.py") && !fits("find", ". -delete"));
}

#[test]
fn an_unknown_name_is_an_error_with_its_line() {
    let error = Policy::from_toml("name = 'x'\n[limits]\nwall_minutes = 3").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert_eq!(error.context("line"), Some("3"));
    assert!(error.context("reason").unwrap().contains("wall_minutes"), "{error:?}");
    assert!(Policy::from_toml("name = 'x'\n[commands.ls]\nflag = ['-l']").is_err());
    assert!(Policy::from_toml("").unwrap_err().context("reason").unwrap().contains("name"));
}

#[test]
fn every_fault_is_named_by_its_place() {
    let error = Policy::from_toml(
        "name = ''\nsandbox = 'weak'\npath = ['bin']\nsettable = ['LD_PRELOAD', 'a b']\n[environment]\n'A=B' = 'x'\n[limits]\nwall_seconds = 0\n\
         [interpreters.python]\nprogram = 'python3'\nscript = '../x.py'\n[commands.ls]\nflags = ['l']",
    )
    .unwrap_err();
    let places: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "name",
            "path",
            "sandbox",
            "limits.wall_seconds",
            "interpreters.python.script",
            "settable[0]",
            "settable[1]",
            "environment.A=B",
            "commands.ls.flags[0]",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_names_itself_and_the_setting() {
    let error = Policy::read(Path::new("/nowhere/policy.toml")).map(|_| ()).unwrap_err();
    assert_eq!(error.context("file"), Some("/nowhere/policy.toml"));
    assert!(error.hint().unwrap().contains("OCTOLLM_EXECUTOR_POLICY"));
}

/// It was found out by the first run, and `/work` never.
#[test]
fn what_cannot_be_made_readable_is_a_fault_of_the_policy() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "name = 'x'\nreadable = ['/usr', '/no/such/folder']").unwrap();
    let error = Policy::read(file.path()).map(|_| ()).unwrap_err();
    assert_eq!((error.faults().len(), error.faults()[0].pointer.as_str()), (1, "readable[1]"));
    assert!(error.context("file").is_some());
    let own = "name = 'x'\nreadable = ['/opt', '/work', '/work/a', '/', '/proc/self', '/opt/../work']\n\
               [commands.x]\nprogram = '/work/evil'\n[interpreters.y]\nprogram = '/tmp/evil'\nscript = 'y'";
    let error = Policy::from_toml(own).unwrap_err();
    let places: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    let readable = ["readable[1]", "readable[2]", "readable[3]", "readable[4]", "readable[5]"];
    assert_eq!(places[..5], readable);
    assert_eq!(places[5..], ["interpreters.y.program", "commands.x.program"]);
}

#[test]
fn the_usual_interpreter_that_is_missing_is_named() {
    let policy = Policy::built_in().unwrap();
    let missing = |name: &str| policy.interpreter(name).map(|_| ()).unwrap_err().faults()[0].detail.clone();
    assert_eq!(
        missing("sh"),
        "it takes the interpreter `sh`, which the policy does not have; it has `python`"
    );
    assert!(!missing("own words").contains("words"));
}

#[test]
fn a_request_sets_the_variables_that_it_may_set() {
    let policy =
        Policy::from_toml("name = 'x'\nsettable = ['TZ']\n[environment]\nTZ = 'UTC'\nMODE = 'test'").unwrap();
    let asked = |name: &str| policy.variables(&[(name.to_owned(), "Asia/Tokyo".to_owned())].into());
    let variables = asked("TZ").unwrap();
    assert_eq!((variables["TZ"].as_str(), variables["MODE"].as_str()), ("Asia/Tokyo", "test"));
    assert_eq!(asked("MODE").unwrap_err().faults()[0].pointer, "/env");
    assert!(asked("LD_PRELOAD").is_err());
}

#[test]
fn a_program_that_is_not_here_is_named() {
    let policy = Policy::from_toml("name = 'x'\n[commands.lc]\nprogram = 'no-such-program'").unwrap();
    let error = allowed(&policy, "lc", "").map(|_| ()).unwrap_err();
    assert_eq!((error.kind(), error.context("program")), (ErrorKind::NotConfigured, Some("no-such-program")));
}
