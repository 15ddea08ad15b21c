//! Values that are known and harmless, such as a company's own public address.

use std::collections::HashSet;

/// Values that are never findings.
#[derive(Debug, Default)]
pub(super) struct AllowList {
    values: HashSet<String>,
    domains: Vec<String>,
}

impl AllowList {
    pub(super) fn new(values: &[String]) -> Self {
        let lower = values.iter().map(|value| value.trim().to_lowercase());
        let (domains, values) = lower.partition::<Vec<_>, _>(|value| value.starts_with('@'));
        Self { values: values.into_iter().collect(), domains }
    }

    pub(super) fn allows(&self, value: &str) -> bool {
        if self.values.is_empty() && self.domains.is_empty() {
            return false;
        }
        let value = value.to_lowercase();
        self.values.contains(&value) || self.domains.iter().any(|domain| value.ends_with(domain.as_str()))
    }
}
