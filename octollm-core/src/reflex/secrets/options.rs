//! Passwords that options give to commands: `mysql -pS3cret1`, `curl -u admin:S3cret1`.

use super::Secret;
use super::assigned::{PASSWORD, extent, is_password, is_reference};
use crate::reflex::Severity;

/// An option whose value is a password, or ends with one.
pub(super) struct CommandOption {
    pub(super) text: &'static str,
    /// The commands whose option it is.
    commands: &'static [&'static [u8]],
    /// What stands between a user's name and the password.
    after: Option<u8>,
}

const fn option(text: &'static str, commands: &'static [&'static [u8]], after: Option<u8>) -> CommandOption {
    CommandOption { text, commands, after }
}

pub(super) const OPTIONS: &[CommandOption] = &[
    option(" -p", &[b"mysql", b"mariadb", b"sshpass"], None),
    option(
        " -p ",
        &[
            b"sshpass",
            b"docker login",
            b"podman login",
            b"helm registry login",
            b"mongo",
            b"oc login",
            b"az login",
            b"az acr login",
        ],
        None,
    ),
    option(" -a ", &[b"redis-cli"], None),
    option(" -w ", &[b"ldapsearch", b"ldapmodify", b"ldapadd", b"ldapdelete", b"ldapwhoami"], None),
    option(" -P ", &[b"sqlcmd", b"bcp ", b"mosquitto_"], None),
    option(" -u ", &[b"curl"], Some(b':')),
    option(" --user ", &[b"curl"], Some(b':')),
    option(" -U ", &[b"smbclient", b"rpcclient"], Some(b'%')),
];

/// Reads the password that the option at `start..end` gives to a command.
pub(super) fn read(text: &[u8], start: usize, end: usize, option: usize) -> Option<Secret> {
    let CommandOption { text: written, commands, after } = OPTIONS.get(option)?;
    // Options have a case, which the automaton ignores.
    if text.get(start..end)? != written.as_bytes() || !is_of(command_before(text, start), commands) {
        return None;
    }
    let (from, to, quoted) = extent(text, end, false)?;
    let from = match after {
        Some(sign) => from + text.get(from..to)?.iter().position(|byte| byte == sign)? + 1,
        None => from,
    };
    let value = text.get(from..to)?;
    let accepted = !is_reference(value, quoted)
        && is_password(value, quoted && after.is_none(), true)
        && (value.iter().any(u8::is_ascii_alphabetic) || value.iter().all(u8::is_ascii_digit))
        && !value.starts_with(b"/")
        && !is_mapping(value);
    let explanation = "a password that is given to a command";
    accepted.then_some(Secret {
        type_name: PASSWORD,
        start: from,
        end: to,
        confidence: 0.85,
        severity: Severity::Critical,
        explanation,
    })
}

/// Bytes before an option in which its command stands.
const COMMAND: usize = 96;

/// The command that is given an option at `at`, up to it: lines that end with a backslash go on.
fn command_before(text: &[u8], at: usize) -> &[u8] {
    let before = text.get(at.saturating_sub(COMMAND)..at).unwrap_or_default();
    let mut start = before.len();
    while let Some(byte) = start.checked_sub(1).and_then(|last| before.get(last)) {
        let goes_on = || start.checked_sub(2).and_then(|last| before.get(last)) == Some(&b'\\');
        if matches!(byte, b';' | b'|' | b'&') || *byte == b'\n' && !goes_on() {
            break;
        }
        start -= 1;
    }
    before.get(start..).unwrap_or_default()
}

/// Whether one of these commands is given an option, or one whose name begins so: `mongodump` is of `mongo`. Not what another
/// option names: `--name mongo`.
fn is_of(command: &[u8], names: &[&[u8]]) -> bool {
    let (mut word, mut begins, mut named) = (0, true, false);
    for (at, byte) in command.iter().enumerate() {
        let begins_here =
            std::mem::replace(&mut begins, matches!(byte, b'/' | b'`' | b'(' | b'$' | b'"' | b'\''));
        if byte.is_ascii_whitespace() {
            if at > word {
                named = at > word + 2 && command.get(word..word + 2) == Some(b"--");
            }
            (word, begins) = (at + 1, true);
        } else if begins_here && !named && byte.is_ascii_alphabetic() {
            let rest = command.get(at..).unwrap_or_default();
            if names.iter().any(|name| rest.starts_with(name)) {
                return true;
            }
        }
    }
    false
}

/// `127.0.0.1:27017:27017/tcp`: ports of a container.
fn is_mapping(value: &[u8]) -> bool {
    let ports = value.strip_suffix(b"/tcp").or_else(|| value.strip_suffix(b"/udp")).unwrap_or(value);
    ports.contains(&b':') && ports.iter().all(|byte| byte.is_ascii_digit() || b".:".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_of_the_command_that_it_is_given() {
        let names: &[&[u8]] = &[b"mongo", b"docker login"];
        let of = |command: &str| is_of(command_before(command.as_bytes(), command.len()), names);
        for command in [
            "mongo",
            "sudo /usr/bin/mongodump -u x",
            "docker login \\\n  -u bob \\\n ",
            "kubectl exec -it x -- mongo",
        ] {
            assert!(of(command), "{command}");
        }
        for command in ["docker run --name mongo", "cd mongo && docker compose", "mongo\ngrep", "the-mongo"] {
            assert!(!of(command), "{command}");
        }
        assert!(is_mapping(b"127.0.0.1:27017:27017/tcp") && !is_mapping(b"a1:b"));
    }
}
