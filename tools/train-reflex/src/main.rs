//! Trains the injection detector's weights: `train-reflex DATA LINES OUT`.
//!
//! `DATA` holds `train/*.jsonl` and `dev/*.jsonl` of rows `{text, label, source}`. `LINES` holds our own texts, one a line: in `.txt`
//! templates, in `.lines` texts as people write them. `positives*` are injections, `planted*` are ones within a document, `negatives*`
//! and `documents*` are harmless; so is `development.txt`. Weights come from the training rows alone; the thresholds are then the
//! lowest at which no more than the allowed share of the harmless dev rows is flagged. Everything is in a fixed order with a fixed
//! seed, so the same data give the same file.
//!
//! `train-reflex DATA LINES --without SOURCE...` writes nothing: it trains without these sources and reports what is found of them.
//! `train-reflex DATA LINES --words OUT` writes the list of common words, by which the detector reads letters without gaps.
//! The environment variable `SHOW=SOURCE` lists what is judged wrongly of a source.
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for one person at a terminal, who wants to see where it fails"
)]

mod data;
mod disguise;
mod documents;
mod random;
mod report;
mod train;
mod words;

use std::error::Error;
use std::fs;
use std::path::Path;

use octollm_core::reflex::injection::InjectionDetector;
use octollm_core::reflex::injection::features::Form;
use octollm_core::reflex::injection::model::{HEADER, MAGIC};
use octollm_core::reflex::injection::patterns::Phrases;

use data::{Example, Labelled};
use train::Linear;

/// Share of harmless dev messages that may be flagged.
const ALLOWED_MESSAGES: f64 = 0.0075;
/// Share of harmless dev documents that may be flagged.
const ALLOWED_DOCUMENTS: f64 = 0.01;
/// The same for our own dev texts: every one of them holds words that injections like.
const ALLOWED_OWN: f64 = 0.02;
/// Their source.
const OWN_DEV: &str = "own development";

const USAGE: &str = "usage: train-reflex DATA LINES OUT \
    | train-reflex DATA LINES --without SOURCE... | train-reflex DATA LINES --words OUT";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (data, lines, rest) = match arguments.as_slice() {
        [data, lines, rest @ ..] if !rest.is_empty() => (Path::new(data), Path::new(lines), rest),
        _ => return Err(USAGE.into()),
    };
    let mut rows = data::read_folder(&data.join("train"), true)?;
    rows.extend(data::read_own(lines, "positives", true, data::OWN)?);
    rows.extend(data::read_own(lines, "negatives", false, data::OWN)?);
    rows.extend(data::read_own(lines, "documents", false, data::OWN_DOCUMENTS)?);
    let planted = documents::planted(&data::read_own(lines, "planted", true, data::PLANTED)?, &rows);
    rows.extend(planted);
    let mut dev = data::read_folder(&data.join("dev"), false)?;
    dev.extend(data::read_lines(&lines.join("development.txt"), false, OWN_DEV)?);
    match rest {
        [option, sources @ ..] if option == "--without" => without(rows, &dev, sources),
        [option, out] if option == "--words" => Ok(fs::write(out, words::list(&rows))?),
        [out] => write(rows, &dev, Path::new(out)),
        _ => Err("one file to write to, please".into()),
    }
}

/// Trains without some sources, and prints what is found of them.
fn without(rows: Vec<Labelled>, dev: &[Labelled], sources: &[String]) -> Result<(), Box<dyn Error>> {
    let (held, kept): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| sources.contains(&row.source));
    let detector = detector(train(kept, dev)?)?;
    println!("not trained on:");
    report::by_source(&detector, &held);
    println!("development rows:");
    report::by_source(&detector, dev);
    Ok(())
}

/// Trains twice: without every tenth row (and every tenth line of our own with all that is made of it), to see what was learnt; then
/// with everything, for use.
fn write(rows: Vec<Labelled>, dev: &[Labelled], out: &Path) -> Result<(), Box<dyn Error>> {
    let (held, kept): (Vec<_>, Vec<_>) = rows.iter().cloned().partition(data::is_held_back);
    let before = detector(train(kept, dev)?)?;
    println!("every tenth row, held back:");
    report::by_source(&before, &held);
    println!("the same and development rows, in disguise:");
    report::disguised(&before, &held, dev);
    let file = train(rows, dev)?;
    fs::write(out, &file)?;
    println!("development rows, all training rows used:");
    report::by_source(&detector(file)?, dev);
    Ok(())
}

/// Weights from these rows, the threshold from the harmless dev rows, as a file.
fn train(mut rows: Vec<Labelled>, dev: &[Labelled]) -> Result<Vec<u8>, Box<dyn Error>> {
    let phrases = Phrases::new()?;
    rows.extend(documents::of(&rows));
    rows.extend(disguise::disguised(&rows));
    let examples: Vec<Example> = rows.iter().map(|row| Example::new(row, &phrases)).collect();
    let injections = examples.iter().filter(|row| row.is_injection).count();
    println!("{} rows to train on, of which {injections} injections", rows.len());
    drop(rows);
    let model = Linear::train(&examples);
    let of = |own: bool| {
        let harmless = dev.iter().filter(move |row| !row.is_injection && (row.source == OWN_DEV) == own);
        harmless.map(|row| Example::new(row, &phrases)).collect::<Vec<_>>()
    };
    let (dev, own) = (of(false), of(true));
    let threshold = |form, allowed| {
        let of = |rows: &[Example], allowed| {
            threshold(&model, rows.iter().filter(|row| row.form == form), allowed)
        };
        of(&dev, allowed).max(of(&own, ALLOWED_OWN))
    };
    let thresholds =
        [threshold(Form::Message, ALLOWED_MESSAGES), threshold(Form::Document, ALLOWED_DOCUMENTS)];
    println!("thresholds {:.3} and {:.3}", thresholds[0], thresholds[1]);
    Ok(file(&model, thresholds))
}

fn detector(file: Vec<u8>) -> Result<InjectionDetector, Box<dyn Error>> {
    Ok(InjectionDetector::with_weights(file.leak())?)
}

/// The lowest threshold at which no more than the allowed share of these rows is flagged.
fn threshold<'a>(model: &Linear, rows: impl Iterator<Item = &'a Example>, allowed: f64) -> f32 {
    let mut scores: Vec<f32> = rows.filter_map(|row| model.score(row)).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let allowed = (scores.len() as f64 * allowed) as usize;
    scores.get(allowed).copied().unwrap_or(0.0).max(0.0) + 1e-3
}

/// The file that the library embeds: see `octollm_core::reflex::injection::model`.
fn file(model: &Linear, [message, document]: [f32; 2]) -> Vec<u8> {
    let weights = model.weights.as_flattened();
    let largest = weights.iter().fold(f32::MIN_POSITIVE, |largest, weight| largest.max(weight.abs()));
    let scale = largest / f32::from(i8::MAX);
    let mut file = Vec::with_capacity(HEADER + weights.len());
    file.extend(MAGIC);
    let lines = [model.bias(Form::Message), message, model.bias(Form::Document), document];
    [scale].iter().chain(&lines).for_each(|number| file.extend(number.to_le_bytes()));
    weights.iter().for_each(|weight| file.extend(((weight / scale).round() as i8).to_le_bytes()));
    file
}
