//! Quality: what can be measured of code and prose, each against a threshold that is written down.
//!
//! Nothing here is an opinion. A metric counts something (decisions of a function, characters of a line), names its threshold,
//! and says how many of what it measured keep it. What it cannot measure it leaves out: a language without a grammar, a text in
//! a script without spaces. The score is no more than the mean of those parts, and absent where there are none. What exceeds a
//! threshold is a warning, never an error: long functions can be right.

#[cfg(feature = "syntax")]
mod docs;
#[cfg(feature = "syntax")]
mod functions;
#[cfg(feature = "syntax")]
mod kinds;
mod lines;
#[cfg(feature = "syntax")]
mod names;
mod prose;
mod tally;
#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests;

use self::tally::Tally;
use super::judgement::Finding;
use super::parts::{self, CodePart};
use super::request::JudgeRequest;
use super::response::MetricReport;
use super::shape::places;
use crate::syntax::Language;

/// Measures the output: its code where it has any, else its prose.
pub(super) fn quality(request: &JudgeRequest, code: &[CodePart<'_>]) -> (Finding, Vec<MetricReport>) {
    let mut tally = Tally::default();
    let mut not: Vec<String> = Vec::new();
    for part in code {
        if let Err(why) = measure(part, &mut tally) {
            not.push(why);
        }
    }
    if code.is_empty() {
        parts::for_each_leaf(&request.output, |leaf| {
            if let Some(text) = leaf.value.as_str() {
                prose::measure(leaf.pointer, text, &mut tally);
            }
        });
    }
    let (metrics, issues) = tally.finish();
    if metrics.is_empty() {
        let why =
            not.pop().unwrap_or_else(|| "there is neither code nor prose that could be measured".to_owned());
        return (Finding::unverified(why), metrics);
    }
    let mut explanation = match issues.len() {
        0 => format!("{} metrics, all within their thresholds", metrics.len()),
        count => format!("{} metrics; beyond a threshold in {}", metrics.len(), places(count)),
    };
    for why in not {
        explanation.push_str(&format!("; not measured: {why}"));
    }
    (Finding::decided(issues, explanation), metrics)
}

/// Measures one piece of code, or says why it cannot.
fn measure(part: &CodePart<'_>, tally: &mut Tally) -> Result<(), String> {
    let language = part.language.and_then(Language::named);
    let Some(language) = language.filter(|language| *language != Language::Json) else {
        return Err(format!(
            "there are no metrics for {}",
            part.language.unwrap_or("code in no named language")
        ));
    };
    trees(language, part, tally)?;
    lines::lengths(part, tally);
    if !is_tests(part) {
        lines::repetitions(part, tally);
    }
    Ok(())
}

/// Tests repeat each other, and nobody reads their documentation.
fn is_tests(part: &CodePart<'_>) -> bool {
    part.pointer == "/tests"
}

/// What takes a grammar. Only code that parses has a meaning that could be measured.
#[cfg(feature = "syntax")]
fn trees(language: Language, part: &CodePart<'_>, tally: &mut Tally) -> Result<(), String> {
    let (Some(tree), Some(kinds)) = (crate::syntax::tree(language, part.code), kinds::of(language)) else {
        return Err("code that is too long to be read, or takes too long".to_owned());
    };
    if tree.root_node().has_error() {
        return Err("code that does not parse".to_owned());
    }
    let code = kinds::Code { language, kinds, part, tree: &tree };
    functions::measure(&code, tally);
    names::measure(&code, tally);
    if !is_tests(part) {
        docs::measure(&code, tally);
    }
    Ok(())
}

#[cfg(not(feature = "syntax"))]
fn trees(_: Language, _: &CodePart<'_>, _: &mut Tally) -> Result<(), String> {
    Err("code, for which this program was built without grammars (feature `syntax`)".to_owned())
}
