//! Trains the weights of the tagger of names and addresses: `train-names LISTS CARRIERS PROSE OUT`.
//!
//! `LISTS` is what `lists.py` wrote; `CARRIERS` holds `carriers.txt` and `words.txt`, our own; `PROSE` holds `*.jsonl` of rows
//! `{text, label}`, of which harmless ones are read. Order and seed are fixed: the same data give the same file.
//!
//! One name in ten is not trained on. A first model is trained on the carriers alone that were not held back, and what it finds
//! in held-back carriers filled with held-back names is printed.
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for one person at a terminal, who wants to see where it fails"
)]

mod address;
mod carriers;
mod lists;
mod prose;
mod random;
mod train;

use std::error::Error;
use std::fs;
use std::path::Path;

use carriers::Carriers;
use lists::{Filtered, Lists};
use prose::Prose;
use random::Random;
use train::{Example, Filters, Linear};

/// Sentences that are made.
const MADE: usize = 60_000;
/// Sentences that the report is on.
const REPORTED: usize = 5000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lists, folder, prose, out] = arguments.as_slice() else {
        return Err("usage: train-names LISTS CARRIERS PROSE OUT".into());
    };
    let lists = Lists::read(Path::new(lists))?;
    let mut prose = Prose::read(Path::new(prose), &lists, carriers::things(Path::new(folder))?)?;
    println!("{} ordinary words, {} proper", prose.ordinary.len(), prose.proper.len());
    let carriers = Carriers::read(Path::new(folder), &prose)?;
    prose.holding_back(&lists);
    report(&lists, &carriers, &prose);
    prose.holding_nothing_back();
    fs::write(out, final_weights(&lists, &carriers, &prose))?;
    Ok(())
}

fn filters(lists: &Lists, prose: &Prose, names: Filtered) -> Filters {
    Filters { names: lists.filters(prose, names), no_names: lists.filters(prose, Filtered::None) }
}

/// Trains without the names and the carriers that are held back, and prints what is found of them.
fn report(lists: &Lists, carriers: &Carriers, prose: &Prose) {
    let known = &filters(lists, prose, Filtered::Known);
    let random = &mut Random(0x0a3e);
    let mut examples = prose.examples(known, random);
    examples.extend((0..MADE).map(|_| carriers.make(&lists.known(), false, known.pick(random), random)));
    println!("{} texts to train on", examples.len());
    let held: Vec<Example> =
        (0..REPORTED).map(|_| carriers.make(&lists.held_back(), true, known.full(), random)).collect();
    println!("unseen names in unseen carriers:");
    train::report(&Linear::train(&examples), &held);
}

/// The file for use: nothing is held back.
fn final_weights(lists: &Lists, carriers: &Carriers, prose: &Prose) -> Vec<u8> {
    let all = &filters(lists, prose, Filtered::All);
    let random = &mut Random(0x5eed);
    let mut examples = prose.examples(all, random);
    let held = |random: &mut Random| random.below(10) == 0;
    examples.extend(
        (0..MADE * 5 / 4).map(|_| carriers.make(&lists.all(), held(random), all.pick(random), random)),
    );
    Linear::train(&examples).file(&all.names)
}
