//! What an arm says that it needs: the names of types, or of kinds for all types of one.
//!
//! Under a name that no detector gives nothing is ever found, so an arm that misspelt one would see placeholders for good, and
//! nobody would know why. Such a name is refused where the arm is registered.

use super::ReflexChain;
use super::pii::PiiType;
use super::{FindingKind, secrets};
use crate::error::Fault;

/// How alike two names have to be for one to be the other, misspelt (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.85;
/// Letters that a slip of the pen changes.
const SLIP: usize = 2;

/// Which values an arm gets to see: types (`email`), and kinds (`pii`, `secret`) for all types of one.
#[derive(Debug, Clone, Copy)]
pub struct Needs<'a>(pub &'a [String]);

impl Needs<'_> {
    /// Whether a value of this type is among them.
    pub(super) fn has(&self, kind: FindingKind, type_name: &str) -> bool {
        self.0.iter().any(|need| need == type_name || need == kind.name())
    }

    /// The names under which this chain finds nothing, with the one that was meant where there is one like it. A chain with
    /// reflexes of the program's own may find anything: there only a name that is nearly a known one is wrong.
    pub(crate) fn faults(&self, chain: &ReflexChain) -> Vec<Fault> {
        let known = known(chain);
        let fault = |(at, need): (usize, &String)| {
            let detail = match nearest(need, &known) {
                _ if known.contains(&need.as_str()) => return None,
                Some(meant) if chain.has_own() && strsim::osa_distance(need, meant) > SLIP => return None,
                Some(meant) => format!("is no type that is known; did you mean `{meant}`?"),
                None if chain.has_own() => return None,
                None => format!("is no type that is known; known are {}", known.join(", ")),
            };
            Some(Fault::new(format!("/needs_pii/{at}"), detail))
        };
        self.0.iter().enumerate().filter_map(fault).collect()
    }
}

/// The names that a chain gives, the kinds first.
fn known(chain: &ReflexChain) -> Vec<&str> {
    let kinds = [FindingKind::Pii, FindingKind::Secret].map(FindingKind::name);
    let types = PiiType::ALL.iter().map(|kind| kind.name());
    let custom = chain.policy().detect.custom.iter().map(|pattern| pattern.name.as_str());
    let mut names: Vec<_> = kinds.into_iter().chain(types).chain(custom).collect();
    for name in secrets::type_names() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The known name that was most likely meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let scored = known.iter().map(|known| (strsim::jaro_winkler(&name, known), *known));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > ALIKE).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflex::pii::CustomPattern;
    use crate::reflex::{Policy, Reaction, Reflex, Severity, Stimulus};

    fn told(chain: &ReflexChain, needs: &[&str]) -> Vec<String> {
        let needs: Vec<_> = needs.iter().map(|need| (*need).to_owned()).collect();
        let faults = Needs(&needs).faults(chain);
        faults.into_iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect()
    }

    #[test]
    fn types_and_kinds_that_are_known_are_fine() {
        let mut policy = Policy::default();
        policy.detect.custom.push(CustomPattern {
            name: "employee_id".to_owned(),
            pattern: "EMP-[0-9]{6}".to_owned(),
            confidence: 0.9,
            severity: Severity::High,
        });
        let chain = ReflexChain::new(policy).unwrap();
        let needs = [
            "pii",
            "secret",
            "email",
            "person",
            "us_ssn",
            "github_token",
            "password",
            "url_credentials",
            "employee_id",
        ];
        assert_eq!(told(&chain, &needs), [""; 0]);
    }

    #[test]
    fn a_misspelt_type_is_told_the_one_that_was_meant() {
        let chain = ReflexChain::new(Policy::default()).unwrap();
        insta::assert_snapshot!(told(&chain, &["email", "emial", "Email", "phone_number"]).join("\n"), @r"
        /needs_pii/1: is no type that is known; did you mean `email`?
        /needs_pii/2: is no type that is known; did you mean `email`?
        /needs_pii/3: is no type that is known; did you mean `phone`?
        ");
        let [told] = told(&chain, &["zzz"]).try_into().unwrap();
        assert!(
            told.starts_with("/needs_pii/0: is no type that is known; known are pii, secret, email, phone"),
            "{told}"
        );
    }

    struct Badges;

    impl Reflex for Badges {
        fn name(&self) -> &str {
            "badges"
        }

        fn react(&self, _: &mut Stimulus<'_>) -> Reaction {
            Reaction::Pass
        }
    }

    #[test]
    fn a_reflex_of_the_programs_own_may_find_anything() {
        let chain = ReflexChain::builder(Policy::default()).before(Badges).build().unwrap();
        assert_eq!(told(&chain, &["badge", "phone_extension"]), [""; 0]);
        assert_eq!(told(&chain, &["emial"]).len(), 1);
    }
}
