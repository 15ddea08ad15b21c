//! The guardian by check: prose with nothing to find, so that every detector reads all of it.

use octollm_arms::guardian::{Check, GuardRequest, Guardian, GuardianOptions};

use crate::{heading, report, texts};

pub(crate) fn run() {
    heading("guardian");
    let guardian = Guardian::new(GuardianOptions::default());
    for bytes in [1 << 10, 64 << 10] {
        let text = texts::prose(bytes);
        for check in [Check::Pii, Check::Secrets, Check::Injection, Check::Content] {
            let request = GuardRequest { checks: vec![check], ..GuardRequest::new(text.clone()) };
            let name = format!("{check:?}, nothing to find").to_lowercase();
            report(&name, text.len(), || drop(guardian.check(&request).unwrap()));
        }
        let request = GuardRequest::new(text.clone());
        report("all checks, nothing to find", text.len(), || drop(guardian.check(&request).unwrap()));
    }
}
