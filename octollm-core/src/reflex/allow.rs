//! Values that are known and harmless, such as a company's own public address, or the keys in its documentation.

use std::collections::HashSet;
use std::net::IpAddr;

use super::Canonical;

/// Letters and digits of the shortest value whose spaces and punctuation do not matter.
const SPACED: usize = 8;
/// What long numbers are written with.
const BETWEEN: &[char] = &[' ', '-', '.', '(', ')', '/'];

/// Values that are never findings.
#[derive(Debug, Default)]
pub(super) struct AllowList {
    values: HashSet<String>,
    domains: Vec<String>,
}

impl AllowList {
    pub(super) fn new(values: &[String]) -> Self {
        // A text is compared in its canonical form.
        let forms = values.iter().map(|value| form(Canonical::new(value).text()));
        let (domains, values) = forms.partition::<Vec<_>, _>(|value| value.starts_with('@'));
        Self { values: values.into_iter().collect(), domains }
    }

    /// What is wrong with an entry that could never be found in a text.
    pub(super) fn fault(value: &str) -> Option<&'static str> {
        match value.trim() {
            "" | "@" => Some("must not be empty"),
            value if value.starts_with('*') => {
                Some("takes no wildcard; `@example.com` allows all addresses there")
            }
            _ => None,
        }
    }

    /// Whether it is such a value, or an address of such a domain.
    pub(super) fn allows(&self, value: &str) -> bool {
        if self.values.is_empty() && self.domains.is_empty() {
            return false;
        }
        let value = form(value);
        self.values.contains(&value) || self.domains.iter().any(|domain| value.ends_with(domain.as_str()))
    }

    /// Whether it is such a value. A domain allows no secret: `user:password@example.com` ends with it, too.
    pub(super) fn allows_secret(&self, value: &str) -> bool {
        !self.values.is_empty() && self.values.contains(&form(value))
    }
}

/// A value as it is compared: without case, and without what long numbers are written with. In an e-mail address and in one of
/// the network that makes it another one.
fn form(value: &str) -> String {
    let lower = value.trim().to_lowercase();
    let short = lower.chars().filter(|c| c.is_alphanumeric()).count() < SPACED;
    if short || lower.contains('@') || lower.parse::<IpAddr>().is_ok() {
        return lower;
    }
    lower.replace(BETWEEN, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_allowed_however_it_is_written() {
        let allow = AllowList::new(
            &["4111 1111 1111 1111", "A-b@Example.com", "@corp.example", "10.0.0.51"].map(str::to_owned),
        );
        for value in
            ["4111-1111-1111-1111", "4111111111111111", "a-B@example.com", "x@corp.example", "10.0.0.51"]
        {
            assert!(allow.allows(value), "{value}");
        }
        for value in ["4111111111111112", "ab@example.com", "x@notcorp.example", "100.0.51", ""] {
            assert!(!allow.allows(value), "{value}");
        }
        assert!(!AllowList::new(&[]).allows(""));
    }

    #[test]
    fn numbers_are_the_same_with_other_punctuation_and_addresses_of_the_network_are_not() {
        let allow = AllowList::new(
            &["+1 (415) 555-0132", "192.168.1.234", "４１１１ 1111 1111 1111"].map(str::to_owned),
        );
        for value in ["+1.415.555.0132", "+14155550132", "192.168.1.234", "4111111111111111"] {
            assert!(allow.allows(value), "{value}");
        }
        assert!(!allow.allows("192.168.12.34"));
    }

    #[test]
    fn what_could_never_be_found_is_a_fault() {
        for value in ["", "  ", "@", "*", "*@example.com"] {
            assert!(AllowList::fault(value).is_some(), "{value}");
        }
        for value in ["@example.com", "a", "a*b"] {
            assert_eq!(AllowList::fault(value), None, "{value}");
        }
    }

    #[test]
    fn a_domain_allows_no_secret() {
        let allow = AllowList::new(&["@db.example", "AKIAIOSFODNN7EXAMPLE"].map(str::to_owned));
        assert!(allow.allows_secret("AKIAIOSFODNN7EXAMPLE"));
        assert!(!allow.allows_secret("root:hunter2@db.example"));
    }
}
