use super::*;

fn markdown<'a>(rank: usize, heading: &'a str, content: &'a str) -> Passage<'a> {
    Passage { content, heading: Some(heading), kind: Kind::Markdown, in_listing: false, rank }
}

fn said(query: &str, passages: &[Passage<'_>]) -> Vec<String> {
    answer(query, passages).into_iter().map(|one| one.said).collect()
}

const BOATS: &str = "## Ferries\n\nThe ferry leaves from **pier 7** at noon. It carries bicycles free of charge, but no\n\
                     cars. Dogs travel `on deck`.\n\n- [Tickets](t.md) are sold on board.\n- A season ticket costs 90 euros.\n";

const HARBOURS: &str = "## Harbours\n\n| harbour | depth | notes |\n|---|---|---|\n| Brest | 7 m | sheltered from the west, \
                        with a long mole and two lights, pilotage compulsory for ships above 60 m |\n| Calais | 9 m | open |\n";

#[test]
fn the_sentence_that_answers_is_chosen_and_read_without_marks() {
    let passages = [markdown(0, "Ferries", BOATS)];
    assert_eq!(said("Where does the ferry leave?", &passages)[0], "The ferry leaves from pier 7 at noon.");
    assert!(
        said("How much does a season ticket cost?", &passages)
            .contains(&"A season ticket costs 90 euros.".to_owned())
    );
    assert_eq!(said("Do dogs travel?", &passages)[0], "Dogs travel on deck.");
}

#[test]
fn a_quote_is_a_piece_of_its_passage() {
    let passages = [markdown(0, "Ferries", BOATS), markdown(1, "Harbours", HARBOURS)];
    for query in ["ferry bicycles cars", "depth of Brest harbour", "tickets on board", "dogs"] {
        let answers = answer(query, &passages);
        assert!(!answers.is_empty(), "{query}");
        for one in answers {
            let quote = &passages[one.passage].content[one.range];
            let there = words::words(&crate::retriever::markdown::plain(quote));
            let mut there = there.iter();
            let in_order = words::words(&one.said).iter().all(|word| there.any(|other| other == word));
            assert!(in_order, "{:?} is not in {quote:?}", one.said);
        }
    }
}

#[test]
fn of_a_long_row_only_what_was_asked_is_read() {
    let passages = [markdown(0, "Harbours", HARBOURS)];
    assert_eq!(said("What is the depth of Brest?", &passages)[0], "Brest: 7 m");
    assert_eq!(said("Calais", &passages)[0], "Calais: 9 m; open");
}

#[test]
fn what_is_not_there_is_not_answered() {
    let passages = [markdown(0, "Ferries", BOATS), markdown(1, "Harbours", HARBOURS)];
    assert!(said("Who invented photosynthesis?", &passages).is_empty());
    assert!(said("ferry", &[]).is_empty());
}

#[test]
fn nothing_is_said_twice() {
    let passages = [markdown(0, "Ferries", BOATS), markdown(1, "Ferries", BOATS)];
    let said = said("ferry pier noon bicycles", &passages);
    let distinct: HashSet<_> = said.iter().collect();
    assert_eq!(distinct.len(), said.len());
}

#[test]
fn listings_are_not_read_aloud_but_comments_are() {
    let listing = "Text about anchors.\n\n```sh\nanchor --drop everything now\n```\n";
    assert_eq!(said("drop anchor", &[markdown(0, "", listing)]), ["Text about anchors."]);
    let code =
        "/// Drops the anchor and waits until it\n/// holds. Returns the depth.\npub fn drop_anchor() {}\n";
    let passage = Passage { content: code, heading: None, kind: Kind::Code, in_listing: false, rank: 0 };
    assert_eq!(said("drops the anchor", &[passage])[0], "Drops the anchor and waits until it holds.");
    let code = "//! # Rigging\n//!\n//! - A halyard hoists the sail.\n//! - A sheet trims the sail.\n//!\n//! ```\n\
                //! let halyard = hoists(sail);\n//! ```\n";
    let passage = Passage { content: code, heading: None, kind: Kind::Code, in_listing: false, rank: 0 };
    assert_eq!(said("what hoists the sail", &[passage])[0], "A halyard hoists the sail.");
}
