//! A command given as one string, split into arguments as a shell would, and refused where a shell would do more than
//! split.

/// Characters that make a shell do more than split, where they stand unquoted.
const OPERATORS: &[char] =
    &['|', '&', ';', '<', '>', '(', ')', '$', '`', '*', '?', '[', ']', '{', '}', '~', '#', '!', '\n', '\r'];

/// The words of a command line.
///
/// # Errors
/// What a shell would do with it that is not done here, in words.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    if let Some(operator) = operator(line.trim()) {
        return Err(format!(
            "`{}` means something to a shell, and no shell reads it",
            operator.escape_debug()
        ));
    }
    match shlex::split(line) {
        Some(words) if !words.is_empty() => Ok(words),
        Some(_) => Err("it is empty".to_owned()),
        None => Err("a quotation is not closed".to_owned()),
    }
}

/// The first character that a shell would act on.
fn operator(line: &str) -> Option<char> {
    let (mut single, mut double) = (false, false);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '\\' if !single => {
                characters.next();
            }
            '$' | '`' if double => return Some(character),
            _ if !single && !double && OPERATORS.contains(&character) => return Some(character),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_quotations_taken_off() {
        assert_eq!(split("ls -la").unwrap(), ["ls", "-la"]);
        assert_eq!(split(r#"echo 'a | b' "c;d" e\ f "#).unwrap(), ["echo", "a | b", "c;d", "e f"]);
    }

    #[test]
    fn whatever_a_shell_would_act_on_is_refused() {
        let lines = [
            "ls; rm -rf /",
            "ls | sh",
            "ls && id",
            "cat < /etc/passwd",
            "echo $HOME",
            "echo `id`",
            "echo \"$(id)\"",
            "ls *.txt",
            "a\nb",
            "(id)",
            "echo ~",
            "ls &",
            "echo {a,b}",
            "echo a # b",
            "echo [a]",
            "echo \"`id`\"",
            "!!",
        ];
        for line in lines {
            assert!(split(line).is_err(), "{line}");
        }
        assert_eq!(split("echo 'open").unwrap_err(), "a quotation is not closed");
        assert!(split("   ").is_err());
    }

    proptest::proptest! {
        /// What is quoted for a person is the same command again.
        #[test]
        fn quoting_and_splitting_is_the_identity(words in proptest::collection::vec("[ -~äß]{0,12}", 1..5)) {
            let line = words.iter().map(|word| crate::executor::output::quoted(word)).collect::<Vec<_>>().join(" ");
            proptest::prop_assert_eq!(split(&line).unwrap(), words);
        }
    }
}
