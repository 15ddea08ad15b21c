//! Files that are no documents, and paths that lead nowhere.

use std::path::Path;

use octollm_core::ErrorKind;

use crate::support::{Bench, assemble, pdf};

#[tokio::test]
async fn what_cannot_be_read_is_skipped_with_a_reason() {
    let bench = Bench::new().await;
    bench.write("good.md", "Seals.");
    bench.write("binary.md", b"Se\0als");
    bench.write("latin.txt", b"ph\xf4ques \xe9t\xe9 \xe0 No\xebl");
    bench.write("empty.md", "");
    bench.write("blank.txt", " \n\n");
    bench.write("huge.txt", "x".repeat((10 << 20) + 1));
    bench.write("broken.pdf", "%PDF-1.7 nothing of the kind");
    let half = pdf(&["Seals."]);
    bench.write("half.pdf", &half[..half.len() / 2]);
    bench.write("blank.pdf", pdf(&[""]));
    let report = bench.ingest().await;
    assert_eq!(report.added, 1);
    let skipped: Vec<(&str, &str)> = report
        .skipped
        .iter()
        .map(|skipped| (skipped.source.rsplit('/').next().unwrap(), skipped.reason.as_str()))
        .collect();
    assert_eq!(
        skipped,
        [
            ("binary.md", "is binary (it has NUL bytes)"),
            ("blank.pdf", "has no text (a scan? run text recognition over it first)"),
            ("blank.txt", "is empty"),
            ("broken.pdf", "is not a PDF that can be read"),
            ("empty.md", "is empty"),
            ("half.pdf", "is not a PDF that can be read"),
            ("huge.txt", "is larger than 10 MiB"),
            ("latin.txt", "is not UTF-8 text; convert it to UTF-8 to have it indexed"),
        ]
    );
}

#[tokio::test]
async fn a_file_that_is_no_text_any_more_is_removed() {
    let bench = Bench::new().await;
    bench.write("a.md", "Otters.");
    bench.ingest().await;
    bench.write("a.md", b"\0");
    assert_eq!(bench.ingest().await.removed, 1);
    assert!(bench.sources("otters").await.is_empty());
}

#[tokio::test]
async fn an_empty_folder_is_nothing_and_no_error() {
    let bench = Bench::new().await;
    assert_eq!(bench.ingest().await, Default::default());
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_an_error_that_helps() {
    let bench = Bench::new().await;
    bench.write("a.md", "Terns.");
    bench.ingest().await;
    let error = bench.ingest_path(Path::new("no/such/folder")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no/such/folder"), "{error}");
    assert!(error.hint().unwrap().contains("working directory"));
    assert_eq!(bench.sources("terns").await.len(), 1, "nothing was removed");
}

#[cfg(unix)]
#[tokio::test]
async fn what_cannot_be_opened_keeps_what_was_known_of_it() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new().await;
    let file = bench.write("locked/a.md", "Puffins.");
    bench.ingest().await;
    let closed = |mode: u32| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    closed(0o000);
    // Whoever may read everything (root) cannot be kept out, and then nothing is skipped.
    let kept_out = std::fs::read(&file).is_err();
    let report = bench.ingest().await;
    closed(0o600);
    assert_eq!(report.skipped.len(), usize::from(kept_out));
    assert_eq!(report.removed, 0);
    assert_eq!(bench.sources("puffins").await.len(), 1);
}

/// A page that says "Seals." and draws object 6, which draws itself.
fn page_that_draws(pages: &str, drawing: &str) -> Vec<u8> {
    let stream = |head: &str, content: &str| {
        format!("<< {head} /Length {} >>\nstream\n{content}\nendstream", content.len())
    };
    assemble(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [4 0 R] /Count 1 {pages} >>"),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /MediaBox [0 0 612 792] \
         /Resources << /Font << /F1 3 0 R >> /XObject << /X1 6 0 R >> >> >>"
            .to_owned(),
        stream("", "BT /F1 12 Tf 72 720 Td (Seals.) Tj ET /X1 Do"),
        stream(&format!("/Type /XObject /Subtype /Form {drawing}"), "/X1 Do"),
    ])
}

#[tokio::test]
async fn a_pdf_without_an_end_does_not_take_the_process_with_it() {
    let bench = Bench::new().await;
    bench.write("own.pdf", page_that_draws("", "/Resources << /XObject << /X1 6 0 R >> >>"));
    bench.write("inherited.pdf", page_that_draws("", ""));
    bench.write("parents.pdf", page_that_draws("/Parent 2 0 R", ""));
    let report = bench.ingest().await;
    assert_eq!(report.added, 2, "{report:?}");
    assert_eq!(report.skipped[0].source, bench.source("parents.pdf"));
    assert_eq!(bench.sources("seals").await.len(), 1, "the same text twice is one result");
}
