use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn document(kind: Kind, text: &str) -> Extracted {
    Extracted { kind, text: text.to_owned(), numbers: None }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Text,
        Kind::Markdown,
        Kind::Code,
        Kind::Html,
        Kind::Json,
        Kind::Csv,
        Kind::Pdf,
    ])
}

/// Lines as documents have them: blank ones, headings, fences, items, rows, indented code, and now and then a very
/// long one.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~äß→]{0,90}",
        2 => "( |\t){0,3}",
        1 => "#{1,4} [A-Z][a-z]{1,9}",
        1 => "(```|~~~|---|===)",
        1 => "  ?- [a-z ]{1,60}",
        1 => "\\| [a-z]{1,9} \\| [0-9]{1,4} \\|",
        1 => "(é|[a-z]|[.?] | ){1400,4200}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_chunk_says_what_stands_in_its_lines(
        kind in any_kind(),
        lines in prop::collection::vec(any_line(), 0..60),
    ) {
        let text = lines.join("\n");
        let document = document(kind, &text);
        let lines: Vec<&str> = text.lines().collect();
        let mut covered = BTreeSet::new();
        for piece in chunk(&document) {
            let (start, end) = (piece.start_line as usize, piece.end_line as usize);
            prop_assert!(1 <= start && start <= end && end <= lines.len());
            let there = lines[start - 1..end].join("\n");
            if start == end {
                prop_assert!(there.contains(&piece.content));
            } else {
                prop_assert_eq!(&there, &piece.content);
            }
            prop_assert!(piece.content.chars().count() <= MOST, "{} characters", piece.content.chars().count());
            prop_assert!(!piece.content.trim().is_empty());
            covered.extend(start..=end);
        }
        for (at, line) in lines.iter().enumerate() {
            prop_assert!(line.trim().is_empty() || covered.contains(&(at + 1)), "line {} is lost", at + 1);
        }
    }

    #[test]
    fn a_long_line_loses_no_word(text in "([a-zé]{1,12}[.?]? ){200,900}") {
        let pieces = chunk(&document(Kind::Text, &text));
        let said: BTreeSet<&str> = pieces.iter().flat_map(|piece| piece.content.split_whitespace()).collect();
        let meant: BTreeSet<&str> = text.split_whitespace().collect();
        prop_assert_eq!(said, meant);
    }
}

#[test]
fn markdown_is_cut_at_headings_and_keeps_their_path() {
    let text = "# Guide\n\nIntro.\n\n## Setup\n\nInstall it.\n\n```sh\n# not a heading\n\nrun\n```\n\n### On `Linux`\n\n\
                Use apt.\n\nUsage\n-----\n\n- one\n- two\n";
    let pieces = chunk(&document(Kind::Markdown, text));
    let seen: Vec<_> = pieces
        .iter()
        .map(|piece| (piece.start_line, piece.end_line, piece.heading.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, 3, "Guide"),
            (5, 13, "Guide > Setup"),
            (15, 17, "Guide > Setup > On Linux"),
            (19, 23, "Guide > Usage"),
        ]
    );
}

#[test]
fn the_rest_of_a_long_listing_knows_that_it_is_one() {
    let text = format!("Before.\n\n```\n{}```\n\nAfter.\n", "a line of code\n".repeat(200));
    let pieces = chunk(&document(Kind::Markdown, &text));
    let inside: Vec<bool> = pieces.iter().map(|piece| piece.in_listing).collect();
    assert!(inside.len() > 3);
    let (first, last) = (inside[..2].to_vec(), inside[inside.len() - 1]);
    assert_eq!((first, last), (vec![false, false], false));
    assert!(inside[2..inside.len() - 1].iter().all(|inside| *inside));
}

#[test]
fn front_matter_is_not_a_heading() {
    let pieces = chunk(&document(Kind::Markdown, "---\ntitle: A\n---\n\n# A\n\nText.\n"));
    assert_eq!(pieces.len(), 2);
    assert_eq!(pieces[0].heading, None);
    assert_eq!((pieces[1].start_line, pieces[1].end_line), (5, 7));
}

#[test]
fn code_is_cut_between_functions() {
    let function =
        |name: &str| format!("fn {name}() {{\n{}}}\n\n", "    let x = 1;\n\n    work(x);\n".repeat(20));
    let text = format!("{}{}", function("first"), function("second"));
    let pieces = chunk(&document(Kind::Code, &text));
    assert_eq!(pieces.len(), 2);
    assert!(pieces[0].content.starts_with("fn first"));
    assert!(pieces[1].content.starts_with("fn second"));
}

#[test]
fn only_a_paragraph_that_is_split_overlaps() {
    let line = "A line of prose that has a fair number of words in it, about ninety characters long, yes.";
    let long = vec![line; 30].join("\n");
    let prose = chunk(&document(Kind::Text, &long));
    assert!(prose.len() > 2);
    assert!(prose.windows(2).all(|pair| pair[1].start_line == pair[0].end_line));

    let short = vec![line; 30].join("\n\n");
    let paragraphs = chunk(&document(Kind::Text, &short));
    assert!(paragraphs.windows(2).all(|pair| pair[1].start_line > pair[0].end_line));

    let code = chunk(&document(Kind::Code, &long));
    assert!(code.windows(2).all(|pair| pair[1].start_line == pair[0].end_line + 1));
}

#[test]
fn nothing_comes_of_nothing() {
    for text in ["", "\n\n", "  \n\t\n"] {
        assert_eq!(chunk(&document(Kind::Markdown, text)), []);
    }
}
