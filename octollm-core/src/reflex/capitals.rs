//! Words as forms and headings write them. The automata ignore the case of ASCII letters alone.

/// A word beyond ASCII with a capital at its head and in capitals, where that is another word.
pub(super) fn of(word: &str) -> Vec<String> {
    if word.is_ascii() {
        return Vec::new();
    }
    let mut chars = word.chars();
    let headed: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    let mut forms = vec![headed, word.to_uppercase()];
    forms.retain(|form| !form.eq_ignore_ascii_case(word));
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn only_what_the_automata_do_not_see_is_given() {
        assert_eq!(of("пароль"), ["Пароль", "ПАРОЛЬ"]);
        assert_eq!(of("contraseña"), ["CONTRASEÑA"]);
        assert!(of("password").is_empty() && of("密码").is_empty());
    }
}
