//! What retrieval costs and what it finds. `make bench-retrieval` prints these figures; nothing here asserts a time.
//!
//! A folder of Markdown files is made up (words of syllables, some frequent and most rare, each file about something of its
//! own), indexed into an SQLite file with the built-in embedder, and asked by questions of four words out of one sentence
//! of a passage. Printed are the megabytes of text that are taken in per second; how long a question takes, and how often
//! the passage that it was made of is among the first ten; and how many of the ten best of an exhaustive search each method
//! finds.
//!
//! `cargo bench ... --bench retrieval -- 10000` takes this many passages only.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use octollm_arms::retriever::{
    DEFAULT_COLLECTION, Index, IngestOptions, Method, Retriever, SearchRequest, SearchResponse, SearchResult,
};
use octollm_core::arm::Progress;
use octollm_core::memory::{Chunk, DocumentStore, KeywordQuery, SharedMemory, SqliteMemory, SqliteOptions};

/// Sections of a file, each of which becomes about one passage.
const SECTIONS: usize = 10;
/// Sentences of a section: some 950 characters.
const SENTENCES: usize = 12;
/// Questions that are timed, and those for which everything is compared by brute force.
const TIMED: usize = 300;
const COMPARED: usize = 100;
/// How deep a hybrid search for ten looks into both rankings.
const DEPTH: usize = 50;
const METHODS: [Method; 3] = [Method::Hybrid, Method::Keyword, Method::Vector];

/// A small generator (xorshift), so that every run makes the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }

    /// About as often as words are: the n-th one time in n.
    fn word(&mut self, most: usize) -> usize {
        let share = self.below(1 << 20) as f64 / f64::from(1 << 20);
        ((most as f64).powf(share) as usize).min(most) - 1
    }
}

fn vocabulary() -> Vec<String> {
    let parts = [
        "ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu", "dor", "fen", "gal", "hin", "jor", "pel",
    ];
    let word = |n: usize| {
        let digits = [n % 16, n / 16 % 16, n / 256 % 16, n / 4096 % 16];
        digits.iter().take(if n < 256 { 2 } else { 4 }).map(|digit| parts[*digit]).collect()
    };
    (0..20_000).map(word).collect()
}

fn write(folder: &Path, passages: usize, words: &[String]) -> u64 {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut bytes = 0;
    for file in 0..passages.div_ceil(SECTIONS) {
        let about: Vec<usize> = (0..40).map(|_| dice.below(words.len())).collect();
        let mut text = String::new();
        for _ in 0..SECTIONS {
            text.push_str(&format!(
                "## {} {}\n\n",
                words[about[dice.below(40)]],
                words[about[dice.below(40)]]
            ));
            for _ in 0..SENTENCES {
                let sentence: Vec<&str> = (0..11)
                    .map(|at| if at % 2 == 0 { dice.word(words.len()) } else { about[dice.below(40)] })
                    .map(|word| words[word].as_str())
                    .collect();
                text.push_str(&format!("The {}. ", sentence.join(" ")));
            }
            text.push_str("\n\n");
        }
        bytes += text.len() as u64;
        std::fs::write(folder.join(format!("{file:06}.md")), text).unwrap();
    }
    bytes
}

#[tokio::main]
async fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let words = vocabulary();
    for passages in if asked.is_empty() { vec![10_000, 100_000] } else { asked } {
        measure(passages, &words).await;
    }
}

async fn measure(passages: usize, words: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    std::fs::create_dir(&docs).unwrap();
    let bytes = write(&docs, passages, words);
    let memory = SqliteMemory::open(SqliteOptions::new(folder.path().join("memory.db"))).await.unwrap();
    let memory = SharedMemory::sqlite(memory);
    let retriever = Retriever::new(Arc::new(Index::over(&memory)));

    let chunks = ingest(&retriever, &docs, bytes, "indexed").await;
    ingest(&retriever, &docs, bytes, "looked through again").await;
    let chunks = chunks_of(&memory, chunks).await;
    let questions = questions(&chunks);
    for method in METHODS {
        time(&retriever, method, &questions).await;
    }
    compare(&memory, &retriever, &chunks, &questions).await;
}

async fn ingest(retriever: &Retriever, docs: &Path, bytes: u64, what: &str) -> usize {
    let began = Instant::now();
    let (options, progress) = (IngestOptions::default(), Progress::default());
    let paths: [PathBuf; 1] = [docs.to_owned()];
    let ingestor = retriever.ingestor();
    let report = ingestor.ingest(DEFAULT_COLLECTION, &paths, &options, &progress).await.unwrap();
    let (took, megabytes) = (began.elapsed(), bytes as f64 / 1e6);
    println!(
        "{:>7} passages {what:<22} {megabytes:>6.1} MB in {:>6.2} s: {:>6.1} MB/s",
        report.chunks,
        took.as_secs_f64(),
        megabytes / took.as_secs_f64()
    );
    report.chunks
}

async fn chunks_of(memory: &SharedMemory, count: usize) -> Vec<Chunk> {
    let documents: &Arc<dyn DocumentStore> = &memory.documents;
    let mut chunks: Vec<Chunk> = Vec::with_capacity(count);
    loop {
        let after = chunks.last().map(|last| last.id.clone());
        let more = documents.scan(DEFAULT_COLLECTION, after.as_deref(), 1_000).await.unwrap();
        if more.is_empty() {
            break;
        }
        chunks.extend(more);
    }
    // Not by their ids, which depend on where the folder is.
    chunks.sort_by(|a, b| (&a.source, a.start_line).cmp(&(&b.source, b.start_line)));
    chunks
}

/// Four words of a sentence each, and the passage that it stands in.
fn questions(chunks: &[Chunk]) -> Vec<(String, Chunk)> {
    let mut dice = Dice(7);
    let question = |_| {
        let chunk = &chunks[dice.below(chunks.len())];
        let sentences: Vec<&str> = chunk.content.split(". ").filter(|one| one.starts_with("The ")).collect();
        let sentence = sentences[dice.below(sentences.len())];
        let words: Vec<&str> = sentence.split(' ').skip(1).step_by(3).collect();
        (words.join(" "), chunk.clone())
    };
    (0..TIMED).map(question).collect()
}

async fn ask(retriever: &Retriever, method: Method, question: &str) -> SearchResponse {
    let request = SearchRequest { method, limit: 10, ..SearchRequest::new(question) };
    retriever.search(&request).await.unwrap()
}

fn holds(response: &SearchResponse, wanted: &Chunk) -> bool {
    response.results.iter().any(|one| one.source == wanted.source && one.content == wanted.content)
}

async fn time(retriever: &Retriever, method: Method, questions: &[(String, Chunk)]) {
    ask(retriever, method, "warm").await;
    let (mut took, mut found) = (Vec::new(), 0);
    for (question, wanted) in questions {
        let began = Instant::now();
        let response = ask(retriever, method, question).await;
        took.push(began.elapsed());
        found += usize::from(holds(&response, wanted));
    }
    took.sort();
    let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)];
    println!(
        "        {:<8} p50 {:>7.2} ms   p99 {:>7.2} ms   the passage asked for is among ten: {:.3}",
        format!("{method:?}").to_lowercase(),
        millis(at(50)),
        millis(at(99)),
        share(found, questions.len())
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Where a passage stands: in which file, from which line on.
type Place = (String, u32);

/// How many of the ten best of an exhaustive search each method finds among its ten. Exhaustive is: every passage with any
/// of the words, ranked by BM25; every vector, compared one by one; and both rankings fused, to the depth to which a hybrid
/// search looks, and from end to end.
async fn compare(
    memory: &SharedMemory,
    retriever: &Retriever,
    chunks: &[Chunk],
    questions: &[(String, Chunk)],
) {
    let questions = &questions[..COMPARED];
    let cosines = cosines(memory, chunks, questions).await;
    let (mut found, mut end_to_end) = ([0; 3], 0);
    for ((question, _), cosines) in questions.iter().zip(&cosines) {
        let by_words = by_words(memory, question, chunks.len()).await;
        let mut near: Vec<(f32, Place)> = cosines.iter().copied().zip(chunks.iter().map(place)).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let cut = fused(&by_words[..DEPTH.min(by_words.len())], &near[..DEPTH.min(near.len())]);
        let whole = fused(&by_words, &near);
        let near = near.into_iter().map(|(_, place)| place).collect();
        for ((method, exact), found) in METHODS.into_iter().zip([cut, by_words, near]).zip(&mut found) {
            let response = ask(retriever, method, question).await;
            *found += among(&response, exact);
            end_to_end += if method == Method::Hybrid { among(&response, whole.clone()) } else { 0 };
        }
    }
    let of = 10 * questions.len();
    for (method, found) in METHODS.into_iter().zip(found) {
        let name = format!("{method:?}").to_lowercase();
        println!("        {name:<8} recall@10 against an exhaustive search: {:.3}", share(found, of));
    }
    println!(
        "        hybrid   recall@10 against rankings fused from end to end: {:.3}",
        share(end_to_end, of)
    );
}

/// How many of the first ten of `exact` were found.
fn among(response: &SearchResponse, exact: Vec<Place>) -> usize {
    let exact: HashSet<Place> = exact.into_iter().take(10).collect();
    response.results.iter().filter(|one| exact.contains(&place_of(one))).count()
}

/// The cosine of every passage to every question.
async fn cosines(memory: &SharedMemory, chunks: &[Chunk], questions: &[(String, Chunk)]) -> Vec<Vec<f32>> {
    let asked: Vec<&str> = questions.iter().map(|(question, _)| question.as_str()).collect();
    let asked = memory.embedder.embed(&asked).await.unwrap();
    let mut cosines = vec![Vec::with_capacity(chunks.len()); asked.len()];
    for batch in chunks.chunks(1_000) {
        // As the index embeds a passage: under its heading.
        let heading = |chunk: &Chunk| chunk.metadata["heading"].as_str().unwrap().to_owned();
        let texts: Vec<String> =
            batch.iter().map(|chunk| format!("{}\n{}", heading(chunk), chunk.content)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = memory.embedder.embed(&texts).await.unwrap();
        for (question, cosines) in asked.iter().zip(&mut cosines) {
            cosines.extend(vectors.iter().map(|vector| cosine(question, vector)));
        }
    }
    cosines
}

/// Every passage that has any of the words, the best first.
async fn by_words(memory: &SharedMemory, question: &str, all: usize) -> Vec<Place> {
    let query = KeywordQuery { text: question.to_owned(), limit: all, ..KeywordQuery::default() };
    let hits = memory.documents.search(DEFAULT_COLLECTION, query).await.unwrap();
    hits.iter().map(|hit| place(&hit.chunk)).collect()
}

/// As the retriever fuses: by reciprocal rank, and without what only a vector below 0.2 knows.
fn fused(by_words: &[Place], near: &[(f32, Place)]) -> Vec<Place> {
    let known: HashSet<&Place> = by_words.iter().collect();
    let near =
        near.iter().filter(|(cosine, place)| *cosine >= 0.2 || known.contains(place)).map(|(_, place)| place);
    let mut scores: HashMap<&Place, f32> = HashMap::new();
    for (at, place) in by_words.iter().enumerate().chain(near.enumerate()) {
        *scores.entry(place).or_default() += 1.0 / (61.0 + at as f32);
    }
    let mut fused: Vec<_> = scores.into_iter().collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    fused.into_iter().map(|(place, _)| place.clone()).collect()
}

fn place(chunk: &Chunk) -> Place {
    (chunk.source.clone(), chunk.start_line)
}

fn place_of(result: &SearchResult) -> Place {
    (result.source.clone(), u32::try_from(result.metadata["start_line"].as_u64().unwrap()).unwrap())
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()).max(f32::MIN_POSITIVE)
}
