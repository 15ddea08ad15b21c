//! What is found and how it is answered.

use octollm_arms::retriever::{Check, Method, SearchRequest};
use serde_json::json;

use crate::support::Bench;

#[tokio::test]
async fn questions_are_answered_with_the_lines_that_say_so() {
    let bench = Bench::filled().await;
    for (question, answer, locator) in [
        ("How often does the lamp flash?", "The lamp flashes twice every ten seconds.", "lighthouse.md:8"),
        (
            "Why does the horn sound in fog?",
            "In fog the horn sounds once a minute, because the light cannot be seen \
          beyond half a mile.",
            "lighthouse.md:8-9",
        ),
        (
            "What happens when the cable fails?",
            "When the cable fails, a diesel generator starts within eight seconds; \
          its tank lasts for six days.",
            "lighthouse.md:13-14",
        ),
        ("Who is the guide in summer?", "summer: 09:00; Mrs Okafor", "lighthouse.md:20"),
        (
            "Who is the guide in winter?",
            "winter: nobody, unless booked a week before by telephone or by letter to the \
          harbour office at Varn",
            "lighthouse.md:21",
        ),
        ("How many steps are there?", "The stairs have 201 steps.", "lighthouse.md:23"),
        (
            "When does the engine give up?",
            "Gives up after three attempts and rings the keeper.",
            "notes/engine.rs:8",
        ),
        ("Where do visitors moor?", "Visitors moor at the north quay.", "notes/harbour.html:10"),
        ("What is the cargo of Brave Heart?", "name: Brave Heart; length_m: 51; cargo: salt", "ships.csv:3"),
    ] {
        let response = bench.ask(question).await;
        let synthesis = response.synthesis.unwrap_or_default();
        let place = synthesis.find(answer).unwrap_or_else(|| panic!("{question} was answered: {synthesis}"));
        let after = &synthesis[place + answer.len()..];
        let cited =
            response.citations.iter().find(|citation| after.starts_with(&format!(" [{}]", citation.index)));
        let cited = cited.unwrap_or_else(|| panic!("no citation after it: {synthesis}"));
        assert_eq!(cited.locator, format!("tests/corpus/{locator}"), "{question}");
    }
}

#[tokio::test]
async fn a_quote_stands_word_for_word_in_the_lines_it_cites() {
    let bench = Bench::filled().await;
    for question in
        ["fog horn", "diesel generator tank", "guide in summer", "dogs and steps", "starter motor rests"]
    {
        let response = bench.ask(question).await;
        assert!(!response.citations.is_empty(), "{question}");
        for citation in response.citations {
            let file = std::fs::read_to_string(&citation.source).unwrap();
            let lines: Vec<&str> = file.lines().collect();
            let there = lines[citation.start_line as usize - 1..citation.end_line as usize].join("\n");
            assert!(there.contains(&citation.quote), "{:?} is not in {there:?}", citation.quote);
        }
    }
}

#[tokio::test]
async fn nothing_relevant_is_no_answer() {
    let bench = Bench::filled().await;
    let response = bench.ask("Who invented photosynthesis?").await;
    assert_eq!((response.results.len(), response.total_results), (0, 0));
    assert_eq!((response.synthesis, response.citations.len()), (None, 0));
    let empty = SearchRequest { collection: "never_filled".to_owned(), ..SearchRequest::new("lamp") };
    let empty = bench.retriever.search(&empty).await.unwrap();
    assert!(empty.results.is_empty());
}

#[tokio::test]
async fn every_method_finds_ranks_and_scores() {
    let bench = Bench::filled().await;
    for method in [Method::Hybrid, Method::Vector, Method::Keyword] {
        let request = SearchRequest { method, limit: 3, ..SearchRequest::new("diesel generator tank") };
        let response = bench.retriever.search(&request).await.unwrap();
        assert_eq!(response.method_used, method);
        assert_eq!(response.results[0].metadata["locator"], "tests/corpus/lighthouse.md:11-14", "{method:?}");
        let ranks: Vec<u32> = response.results.iter().map(|result| result.rank).collect();
        assert_eq!(ranks, (1..=ranks.len() as u32).collect::<Vec<_>>());
        assert!(response.results.is_sorted_by(|a, b| a.score >= b.score));
        assert!(response.total_results >= response.results.len());
        if method != Method::Keyword {
            assert!(response.results.iter().all(|result| result.score <= 1.0001));
        }
    }
}

#[tokio::test]
async fn headings_are_searched_too() {
    let bench = Bench::filled().await;
    let request = SearchRequest { method: Method::Keyword, ..SearchRequest::new("Power") };
    let results = bench.retriever.search(&request).await.unwrap().results;
    assert_eq!(results[0].metadata["heading"], "The lighthouse at Cape Varn > Light > Power");
    let below = SearchRequest { method: Method::Keyword, ..SearchRequest::new("Cape generator") };
    let results = bench.retriever.search(&below).await.unwrap().results;
    assert_eq!(results[0].metadata["start_line"], 11, "a chunk is found by the headings above it");
}

#[tokio::test]
async fn filters_and_thresholds_narrow_the_search() {
    let bench = Bench::filled().await;
    let mut request = SearchRequest::new("harbour office");
    request.filters.insert("kind".to_owned(), json!("html"));
    let response = bench.retriever.search(&request).await.unwrap();
    assert!(!response.results.is_empty());
    assert!(response.results.iter().all(|result| result.source.ends_with(".html")));

    request.filters.insert("source".to_owned(), json!("elsewhere/*"));
    assert!(bench.retriever.search(&request).await.unwrap().results.is_empty());

    let all = bench.retriever.search(&SearchRequest::new("harbour office")).await.unwrap();
    let best = all.results[0].score;
    let strict = SearchRequest { min_score: Some(best), ..SearchRequest::new("harbour office") };
    let strict = bench.retriever.search(&strict).await.unwrap();
    assert!(strict.total_results < all.total_results);
    assert!(strict.results.iter().all(|result| result.score >= best));
}

#[tokio::test]
async fn citations_can_be_left_out() {
    let bench = Bench::filled().await;
    let request =
        SearchRequest { include_citations: false, ..SearchRequest::new("How many steps are there?") };
    let response = bench.retriever.search(&request).await.unwrap();
    assert_eq!(response.citations, []);
    assert!(!response.synthesis.unwrap().contains("[1]"));
}

#[tokio::test]
async fn the_same_question_is_answered_alike() {
    let bench = Bench::filled().await;
    let first = bench.ask("harbour office lamp generator").await;
    for _ in 0..5 {
        assert_eq!(bench.ask("harbour office lamp generator").await, first);
    }
}

#[tokio::test]
async fn a_citation_of_a_file_that_has_changed_since_is_marked_and_counted() {
    let Bench { retriever, memory, files } = Bench::new().await;
    let bench = Bench { retriever: retriever.checking_files(), memory, files };
    bench.write("lamp.md", "# Lamp\n\nThe lamp burns whale oil.\n");
    bench.ingest().await;
    let fresh = bench.ask("What does the lamp burn?").await;
    assert_eq!((fresh.unverified, fresh.citations[0].check), (0, Check::Verified));
    assert_eq!(fresh.synthesis.as_deref(), Some("The lamp burns whale oil. [1]"));
    bench.write("lamp.md", "# Lamp\n\nThe lamp burns gas.\n");
    let stale = bench.ask("What does the lamp burn?").await;
    assert_eq!((stale.unverified, stale.citations[0].check), (1, Check::Changed));
    assert_eq!(stale.synthesis.as_deref(), Some("The lamp burns whale oil. [1?]"));
    bench.ingest().await;
    assert_eq!(bench.ask("What does the lamp burn?").await.unverified, 0);
}
