//! Where a fault is, without the values that a document may hold as keys.

/// Bytes of the longest key that is repeated.
const LONGEST: usize = 64;
/// Digits that a number of a person has at least: of a telephone, a card, an account.
const DIGITS: usize = 7;
/// Bytes of a credential, and runs of digits in it, at least.
const CREDENTIAL: (usize, usize) = (20, 3);

/// The pointer with `*` for each key that looks like a value and not like a name: an address, a number, a credential.
pub(super) fn without_values(pointer: String) -> String {
    if !pointer.split('/').any(is_value) {
        return pointer;
    }
    let shown: Vec<&str> = pointer.split('/').map(|key| if is_value(key) { "*" } else { key }).collect();
    shown.join("/")
}

fn is_value(key: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    let runs = || key.split(|c| !digit(c)).filter(|run| !run.is_empty()).count();
    key.len() > LONGEST
        || key.contains(|c: char| c == '@' || c.is_control())
        || key.matches(digit).count() >= DIGITS
        || (key.len() >= CREDENTIAL.0 && runs() >= CREDENTIAL.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_values_are_not_repeated() {
        for (pointer, shown) in [
            ("/context/jane@example.com", "/context/*"),
            ("/metadata/+1 415 555 2671/name", "/metadata/*/name"),
            ("/ghp_a1b2c3d4e5f6g7h8i9j0", "/*"),
            ("?jane@example.com", "*"),
        ] {
            assert_eq!(without_values(pointer.to_owned()), shown);
        }
        let long = format!("/context/{}", "x".repeat(65));
        assert_eq!(without_values(long), "/context/*");
    }

    #[test]
    fn names_and_numbers_of_items_stay() {
        for pointer in ["", "/plan/subtasks/12/input/customerAddressLine2", "/a~1b/Größe 2", "12:34"] {
            assert_eq!(without_values(pointer.to_owned()), pointer);
        }
    }
}
