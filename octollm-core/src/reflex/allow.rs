//! Values that are known and harmless, such as a company's own public address, or the keys in its documentation.

use std::collections::HashSet;

/// Letters and digits of the shortest value whose spaces and dashes do not matter.
const SPACED: usize = 8;

/// Values that are never findings.
#[derive(Debug, Default)]
pub(super) struct AllowList {
    values: HashSet<String>,
    domains: Vec<String>,
}

impl AllowList {
    pub(super) fn new(values: &[String]) -> Self {
        let (domains, values) =
            values.iter().map(|value| form(value)).partition::<Vec<_>, _>(|value| value.starts_with('@'));
        Self { values: values.into_iter().collect(), domains }
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

/// A value as it is compared: without case, and without the spaces and dashes that long numbers are written with. Those of an
/// e-mail address make it another one.
fn form(value: &str) -> String {
    let lower = value.trim().to_lowercase();
    if lower.contains('@') || lower.chars().filter(|c| c.is_alphanumeric()).count() < SPACED {
        return lower;
    }
    lower.chars().filter(|c| !matches!(c, ' ' | '-')).collect()
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
    fn a_domain_allows_no_secret() {
        let allow = AllowList::new(&["@db.example", "AKIAIOSFODNN7EXAMPLE"].map(str::to_owned));
        assert!(allow.allows_secret("AKIAIOSFODNN7EXAMPLE"));
        assert!(!allow.allows_secret("root:hunter2@db.example"));
    }
}
