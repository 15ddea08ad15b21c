use std::path::Path;

use super::*;

fn lines(document: &Extracted) -> Vec<(u32, &str)> {
    document.lines().iter().map(|line| (line.number, line.text)).collect()
}

fn extracted(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Extracted, String> {
    extract(Path::new(name), bytes.into())
}

#[test]
fn a_page_is_read_as_a_reader_sees_it_with_its_lines() {
    let html = "<!doctype html>\n<html><head><title>Tides</title>\n<style>p { x }</style>\n</head>\n<body>\n\
                <script>var hidden = '<p>no</p>';</script>\n<h2>High\nwater</h2>\n<p>It comes <b>twice</b> a day\n\
                &amp; leaves again.</p><p>Next</p>\n<ul><li>one<li>two</ul>\n<table><tr><th>port</th><th>metres</th></tr>\n\
                <tr>\n<td>Brest</td>\n<td>7</td>\n</tr></table>\n<pre>\na  b\n c</pre>after</body></html>";
    let document = extracted("a.html", html).unwrap();
    let seen: Vec<_> = lines(&document).into_iter().filter(|(_, text)| !text.is_empty()).collect();
    assert_eq!(
        seen,
        [
            (2, "# Tides"),
            (7, "## High water"),
            (9, "It comes twice a day"),
            (10, "& leaves again."),
            (10, "Next"),
            (11, "- one"),
            (11, "- two"),
            (12, "| port | metres |"),
            (12, "|---|"),
            (14, "| Brest | 7 |"),
            (14, "```"),
            (18, "a  b"),
            (19, " c"),
            (19, "```"),
            (19, "after"),
        ]
    );
}

#[test]
fn broken_pages_end_all_the_same() {
    for html in ["<p>a<", "<script>never closed", "<table><tr><td>x", "</div></p>", "<pre>", "<title>only"] {
        assert!(extracted("a.html", html).is_ok(), "{html}");
    }
}

#[test]
fn records_carry_their_columns_names_and_their_lines() {
    let csv = "name,born,note\nAda,1815,\"first,\nof many\"\nAlan,1912,\n";
    assert_eq!(
        lines(&extracted("a.csv", csv).unwrap()),
        [
            (1, "name; born; note"),
            (2, "name: Ada; born: 1815; note: first, of many"),
            (4, "name: Alan; born: 1912"),
        ]
    );
    let tsv = "a\tb\n1\t2\n";
    assert_eq!(lines(&extracted("a.tsv", tsv).unwrap())[1], (2, "a: 1; b: 2"));
    let semicolons = "a;b,c\n1;2,5\n";
    assert_eq!(lines(&extracted("a.csv", semicolons).unwrap()).len(), 2);
}

#[test]
fn json_is_cited_by_its_own_lines() {
    let pretty = "{\n  \"a\": 1\n}\n";
    assert_eq!(lines(&extracted("a.json", pretty).unwrap()), [(1, "{"), (2, "  \"a\": 1"), (3, "}")]);
    assert_eq!(
        lines(&extracted("a.json", "{\"a\":[1]}").unwrap())
            .iter()
            .map(|(number, _)| *number)
            .collect::<Vec<_>>(),
        [1; 5]
    );
    assert_eq!(lines(&extracted("a.jsonl", "{\"a\":1}\n{\"a\":2}\n").unwrap())[1], (2, "{\"a\":2}"));
    assert_eq!(lines(&extracted("broken.json", "{\"a\":").unwrap()), [(1, "{\"a\":")]);
}

#[test]
fn text_is_decoded_or_refused_with_a_reason() {
    let text = |bytes: &[u8]| extracted("a.txt", bytes).map(|document| document.text);
    assert_eq!(text(b"\xef\xbb\xbfmark").unwrap(), "mark");
    assert_eq!(text(b"\xff\xfeh\0i\0").unwrap(), "hi");
    assert_eq!(text(b"").unwrap(), "");
    assert!(text(b"a\0b").unwrap_err().contains("binary"));
    assert!(text(b"caf\xe9 cr\xe8me").unwrap_err().contains("UTF-8"));
    let mostly = [b"x".repeat(200).as_slice(), b"\xff"].concat();
    assert!(text(&mostly).unwrap().ends_with('\u{fffd}'));
}

#[test]
fn what_is_no_pdf_is_refused_and_the_process_lives() {
    for bytes in [
        &b""[..],
        b"%PDF-1.4",
        b"not a pdf",
        b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer <</Root 1 0 R>>\n%%EOF",
    ] {
        assert!(extracted("a.pdf", bytes).is_err());
    }
}

#[test]
fn the_name_says_the_kind() {
    for (name, kind) in
        [("a.MD", Kind::Markdown), ("a.rs", Kind::Code), ("Makefile", Kind::Text), ("b.TSV", Kind::Csv)]
    {
        assert_eq!(Kind::of(Path::new(name)), kind);
        assert_eq!(Kind::named(kind.name()), kind);
    }
}
