//! What retrieval costs and what it finds. `make bench-retrieval` prints these figures; nothing here asserts a time.
//!
//! A folder of Markdown files is made up (words of syllables, some frequent and most rare, each file about something of its
//! own), indexed into an SQLite file with the built-in embedder, and asked by questions of four words out of one sentence
//! of a passage. Printed are the megabytes of text that are taken in per second, how long a question takes, and two
//! recalls: how many of the ten nearest vectors, by brute force over all of them, the vector search finds among its ten;
//! and how often the passage that a question was made of is among the first ten, by each method and by the brute force.
//!
//! `cargo bench ... --bench retrieval -- 10000` takes this many passages only.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use octollm_arms::retriever::{
    DEFAULT_COLLECTION, Index, IngestOptions, Method, Retriever, SearchRequest, SearchResponse,
};
use octollm_core::arm::Progress;
use octollm_core::memory::{Chunk, DocumentStore, SharedMemory, SqliteMemory, SqliteOptions};

/// Sections of a file, each of which becomes about one passage.
const SECTIONS: usize = 10;
/// Sentences of a section: some 950 characters.
const SENTENCES: usize = 12;
/// Questions that are timed, and those for which everything is compared by brute force.
const TIMED: usize = 300;
const COMPARED: usize = 100;

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
    let questions = questions(&chunks_of(&memory, chunks).await);
    for method in [Method::Hybrid, Method::Keyword, Method::Vector] {
        time(&retriever, method, &questions).await;
    }
    compare(&memory, &retriever, &questions).await;
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
            return chunks;
        }
        chunks.extend(more);
    }
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
        found as f64 / questions.len() as f64
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Every vector against every question, one by one.
async fn compare(memory: &SharedMemory, retriever: &Retriever, questions: &[(String, Chunk)]) {
    let chunks = chunks_of(memory, 0).await;
    let embedder = &memory.embedder;
    let questions = &questions[..COMPARED];
    let asked: Vec<&str> = questions.iter().map(|(question, _)| question.as_str()).collect();
    let asked = embedder.embed(&asked).await.unwrap();
    let mut best: Vec<Vec<(f32, usize)>> = vec![Vec::new(); asked.len()];
    for (batch, first) in chunks.chunks(1_000).zip((0..).step_by(1_000)) {
        // As the index embeds a passage: under its heading.
        let texts: Vec<String> = batch
            .iter()
            .map(|chunk| match chunk.metadata.get("heading").and_then(|heading| heading.as_str()) {
                Some(heading) => format!("{heading}\n{}", chunk.content),
                None => chunk.content.clone(),
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = embedder.embed(&texts).await.unwrap();
        for (question, best) in asked.iter().zip(&mut best) {
            best.extend(vectors.iter().zip(first..).map(|(vector, at)| (cosine(question, vector), at)));
            best.sort_by(|a, b| b.0.total_cmp(&a.0));
            best.truncate(10);
        }
    }
    let (mut near, mut known) = (0, 0);
    for ((question, wanted), best) in questions.iter().zip(&best) {
        let exact: HashSet<_> =
            best.iter().map(|(_, at)| (&chunks[*at].source, &chunks[*at].content)).collect();
        let response = ask(retriever, Method::Vector, question).await;
        near += response.results.iter().filter(|one| exact.contains(&(&one.source, &one.content))).count();
        known += usize::from(exact.contains(&(&wanted.source, &wanted.content)));
    }
    let count = questions.len() as f64;
    println!("        vector search, of the ten nearest by brute force: {:.3}", near as f64 / (10.0 * count));
    println!(
        "        brute force alone: the passage asked for is among ten: {:.3}",
        f64::from(known as u32) / count
    );
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()).max(f32::MIN_POSITIVE)
}
