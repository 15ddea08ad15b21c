//! Passwords that options give to commands: `mysql -pS3cret1`, `curl -u admin:S3cret1`.

use super::Secret;
use super::assigned::{PASSWORD, extent, has, is_password, is_reference, line_before};
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
    let before = line_before(text, start);
    // Options have a case, which the automaton ignores.
    if text.get(start..end)? != written.as_bytes() || !commands.iter().any(|command| has(before, command)) {
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
        && value.iter().any(u8::is_ascii_alphabetic)
        && !value.starts_with(b"/");
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
