//! Trains the injection detector's weights: `train-reflex DATA LINES OUT`.
//!
//! `DATA` holds `train/*.jsonl` and `dev/*.jsonl` of rows `{text, label, source}`; `LINES` holds `positives.txt` and
//! `negatives.txt`, one text a line. Weights come from the training rows alone; the two thresholds are then the lowest
//! at which no more than the allowed share of the harmless dev rows is flagged. Everything is in a fixed order with a
//! fixed seed, so the same data give the same file.
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for one person at a terminal, who wants to see where it fails"
)]

mod data;
mod train;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use octollm_core::reflex::injection::features::WINDOW;
use octollm_core::reflex::injection::model::{HEADER, MAGIC};

use data::Example;
use train::Linear;

/// Share of harmless dev texts that may be flagged.
const ALLOWED: f64 = 0.008;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, lines, out] = arguments.as_slice() else {
        return Err("usage: train-reflex DATA LINES OUT".into());
    };
    let mut rows = data::read_folder(&Path::new(data).join("train"), true)?;
    rows.extend(data::read_lines(&Path::new(lines).join("positives.txt"), true)?);
    rows.extend(data::read_lines(&Path::new(lines).join("negatives.txt"), false)?);
    rows.extend(data::documents(&rows));
    let mut train = examples(&rows);
    let held_back = hold_back(&mut train);
    let dev = examples(&data::read_folder(&Path::new(data).join("dev"), false)?);
    println!(
        "{} rows to train on, of which {} injections",
        train.len(),
        train.iter().filter(|row| row.is_injection).count()
    );
    let model = Linear::train(&train);
    let short = threshold(&model, dev.iter().filter(|row| row.ends.len() <= WINDOW));
    let long = threshold(&model, dev.iter().filter(|row| row.ends.len() > WINDOW));
    println!("thresholds: {short:.3} for one window, {long:.3} for more");
    println!("development rows:");
    report(&model, &dev, short, long);
    println!("every tenth training row, held back:");
    report(&model, &held_back, short, long);
    fs::write(out, file(&model, short, long))?;
    Ok(())
}

fn examples(rows: &[data::Labelled]) -> Vec<Example> {
    rows.iter().map(|(text, label, source)| Example::new(text, *label, source)).collect()
}

/// Takes every tenth row out, to see what was learnt. Sources repeat themselves, so these figures flatter.
fn hold_back(rows: &mut Vec<Example>) -> Vec<Example> {
    let (mut kept, mut held) = (Vec::with_capacity(rows.len()), Vec::new());
    for (at, row) in rows.drain(..).enumerate() {
        if at % 10 == 9 { held.push(row) } else { kept.push(row) }
    }
    *rows = kept;
    held
}

/// The lowest threshold at which no more than the allowed share of harmless texts is flagged.
fn threshold<'a>(model: &Linear, rows: impl Iterator<Item = &'a Example>) -> f32 {
    let harmless = rows.filter(|row| !row.is_injection);
    let mut scores: Vec<f32> = harmless.filter_map(|row| Some(model.best_window(row)?.0)).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let allowed = (scores.len() as f64 * ALLOWED) as usize;
    scores.get(allowed).copied().unwrap_or(0.0).max(0.0) + 1e-3
}

fn report(model: &Linear, rows: &[Example], short: f32, long: f32) {
    let sources: BTreeSet<&str> = rows.iter().map(|row| row.source.as_str()).collect();
    for source in sources {
        for label in [false, true] {
            let of = rows.iter().filter(|row| row.source == source && row.is_injection == label);
            let flagged = of.clone().filter(|row| {
                let threshold = if row.ends.len() > WINDOW { long } else { short };
                model.best_window(row).is_some_and(|(score, ..)| score >= threshold)
            });
            let (count, flagged) = (of.clone().count(), flagged.count());
            if count > 0 {
                println!(
                    "{source:<16} {} {flagged:>5} of {count}",
                    if label { "injections" } else { "harmless  " }
                );
            }
        }
    }
}

/// The file that the library embeds: see `octollm_core::reflex::injection::model`.
fn file(model: &Linear, short: f32, long: f32) -> Vec<u8> {
    let largest = model.weights.iter().fold(f32::MIN_POSITIVE, |largest, weight| largest.max(weight.abs()));
    let scale = largest / 32_767.0;
    let mut file = Vec::with_capacity(HEADER + model.weights.len() * 2);
    file.extend(MAGIC);
    [scale, model.bias, short, long].iter().for_each(|number| file.extend(number.to_le_bytes()));
    model.weights.iter().for_each(|weight| file.extend(((weight / scale).round() as i16).to_le_bytes()));
    file
}
