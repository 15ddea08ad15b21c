//! Files as tables: what is read of them, what is refused, and where each row stands.

use std::path::Path;

use octollm_arms::retriever::{DataFolders, DataLimits, Method, Retriever, SearchRequest, SearchResponse};
use octollm_core::arm::Arm;
use octollm_core::model::Models;
use octollm_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::support::Bench;

/// A retriever that may read the bench's files.
pub(crate) async fn opened(limits: DataLimits, models: Models) -> Bench {
    let Bench { retriever, memory, files } = Bench::new().await;
    let folders = DataFolders::open(&[files.path().to_owned()]).unwrap();
    Bench { retriever: retriever.with_data(folders, limits, models), memory, files }
}

pub(crate) async fn bench() -> Bench {
    opened(DataLimits::default(), Models::none()).await
}

pub(crate) fn request(tables: &[&str], sql: &str) -> SearchRequest {
    SearchRequest {
        tables: tables.iter().map(|&name| name.to_owned()).collect(),
        sql: Some(sql.to_owned()),
        ..SearchRequest::new("What do the tables say?")
    }
}

async fn ask(bench: &Bench, tables: &[&str], sql: &str) -> SearchResponse {
    bench.retriever.search(&request(tables, sql)).await.unwrap()
}

async fn rows(bench: &Bench, tables: &[&str], sql: &str) -> Value {
    json!(ask(bench, tables, sql).await.data.unwrap().rows)
}

async fn refused(bench: &Bench, table: &str) -> Error {
    let sql = "SELECT 1";
    bench.retriever.search(&request(&[table], sql)).await.unwrap_err()
}

const SALES: &str = "Region,Amount (EUR),Day\nNorth,10,2026-01-05\nSouth,32.5,2026-01-06\n\nNorth,7,\n";

#[tokio::test]
async fn rows_are_cited_by_file_and_line() {
    let bench = bench().await;
    bench.write("q1/Sales 2026.csv", SALES);
    let sql = "SELECT rowid, region, amount_eur FROM sales_2026 WHERE amount_eur < 20 ORDER BY rowid DESC";
    let response = ask(&bench, &["q1/Sales 2026.csv"], sql).await;
    assert_eq!((response.method_used, response.total_results), (Method::Sql, 2));
    let data = response.data.as_ref().unwrap();
    assert_eq!(json!(data.rows), json!([[5, "North", 7.0], [2, "North", 10.0]]));
    assert_eq!(data.tables[0].columns, ["region text", "amount_eur real", "day text"]);
    assert_eq!((data.tables[0].rows, data.sql.as_str(), data.truncated), (3, sql, false));
    let cited: Vec<_> =
        response.citations.iter().map(|one| (one.locator.as_str(), one.quote.as_str())).collect();
    assert_eq!(cited, [("q1/Sales 2026.csv:5", "North,7,"), ("q1/Sales 2026.csv:2", "North,10,2026-01-05")]);
    assert_eq!(response.results[0].content, "rowid: 5; region: North; amount_eur: 7.0");
    assert_eq!(response.results[0].metadata["locator"], "q1/Sales 2026.csv:5");
}

#[tokio::test]
async fn one_row_is_an_answer_and_cites_what_it_was_counted_from() {
    let bench = bench().await;
    bench.write("sales.csv", SALES);
    bench.write("people.json", r#"[{"region": "North", "who": "Ada"}, {"region": "South", "who": "Alan"}]"#);
    let sql = "SELECT who, sum(amount_eur) AS total FROM sales JOIN people USING (region) GROUP BY who ORDER BY 2 LIMIT 1";
    let response = ask(&bench, &["sales.csv", "people.json"], sql).await;
    assert_eq!(response.synthesis.as_deref(), Some("who: Ada; total: 17.0 [1] [2]"));
    let cited: Vec<_> = response.citations.iter().map(|one| one.locator.as_str()).collect();
    assert_eq!(cited, ["sales.csv", "people.json"]);

    let only = ask(&bench, &["sales.csv", "people.json"], "SELECT count(*) AS n FROM people").await;
    assert_eq!(only.citations.len(), 1, "the other table says nothing about it");
    let silent = SearchRequest {
        include_citations: false,
        ..request(&["sales.csv"], "SELECT count(*) AS n FROM sales")
    };
    let silent = bench.retriever.search(&silent).await.unwrap();
    assert_eq!((silent.synthesis.as_deref(), silent.citations.len()), (Some("n: 3"), 0));
}

#[tokio::test]
async fn elements_of_an_array_are_cited_by_their_place_in_it() {
    let bench = bench().await;
    bench.write("a.json", r#"[{"x": 1}, {"x": {"deep": [1, 2]}, "y": true}, {"x": 3}]"#);
    let response =
        ask(&bench, &["a.json"], "SELECT rowid, json_extract(x, '$.deep[1]') AS d, y FROM a WHERE y").await;
    assert_eq!(json!(response.data.unwrap().rows), json!([[2, 2, 1]]));
    assert_eq!(response.citations[0].locator, "a.json#/1");
    bench.write("b.jsonl", "{\"x\": \"a\"}\n\n{\"x\": \"b\"}\n");
    let response = ask(&bench, &["b.jsonl"], "SELECT rowid, x FROM b WHERE x = 'b'").await;
    assert_eq!(
        (response.citations[0].locator.as_str(), response.citations[0].quote.as_str()),
        ("b.jsonl:3", "{\"x\": \"b\"}")
    );
}

#[tokio::test]
async fn files_are_read_as_programs_write_them() {
    let bench = bench().await;
    let utf16: Vec<u8> = "\u{feff}a;b\n1;é\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, content, columns, expected) in [
        ("bom.csv", b"\xef\xbb\xbfa,b\n1,x\n".to_vec(), vec!["a integer", "b text"], json!([[1, "x"]])),
        ("utf16.csv", utf16, vec!["a integer", "b text"], json!([[1, "é"]])),
        ("mac.csv", b"a,b\r1,x\r2,y\r".to_vec(), vec!["a integer", "b text"], json!([[1, "x"], [2, "y"]])),
        ("mixed.csv", b"a\r1\r2\n3\n".to_vec(), vec!["a integer"], json!([[1], [2], [3]])),
        ("dos.tsv", b"a\tb\r\n1\tx, y\r\n".to_vec(), vec!["a integer", "b text"], json!([[1, "x, y"]])),
        (
            "twice.csv",
            b"a,A,a,\n1,2,3,4\n".to_vec(),
            vec!["a integer", "a_2 integer", "a_3 integer", "column integer"],
            json!([[1, 2, 3, 4]]),
        ),
        (
            "quoted.csv",
            b"a,b\n\"x \"\"y\"\"\nz\",1\n".to_vec(),
            vec!["a text", "b integer"],
            json!([["x \"y\"\nz", 1]]),
        ),
        ("empty.csv", b"a,b\n".to_vec(), vec!["a empty", "b empty"], json!([])),
        ("one.json", br#"{"a": 1.5, "b": null}"#.to_vec(), vec!["a real", "b empty"], json!([[1.5, null]])),
        (
            "sql.csv",
            b"\"a\"\"; DROP TABLE sql; --\"\n'); DROP TABLE sql; --\n".to_vec(),
            vec!["a_drop_table_sql text"],
            json!([["'); DROP TABLE sql; --"]]),
        ),
    ] {
        bench.write(name, content);
        let table = name.split('.').next().unwrap();
        let response = ask(&bench, &[name], &format!("SELECT * FROM {table}")).await;
        let data = response.data.unwrap();
        assert_eq!(
            (&data.tables[0].columns, &json!(data.rows)),
            (&columns.iter().map(|&c| c.to_owned()).collect(), &expected),
            "{name}"
        );
    }
}

#[tokio::test]
async fn ragged_rows_are_kept_and_said() {
    let bench = bench().await;
    bench.write("r.csv", "a,b\n1\n2,3,4\n5,6\n");
    let response = ask(&bench, &["r.csv"], "SELECT * FROM r").await;
    let data = response.data.unwrap();
    assert_eq!(json!(data.rows), json!([[1, null, null], [2, 3, 4], [5, 6, null]]));
    assert_eq!(data.tables[0].notes, ["2 rows have more or fewer values than the header has names"]);
}

#[tokio::test]
async fn what_is_no_table_is_refused_with_the_place() {
    let bench = bench().await;
    let wide: Vec<_> = (0..1_001).map(|n| n.to_string()).collect();
    let object: String = (0..50_000).map(|n| format!("\"k{n}\":1,")).collect();
    for (name, content, reason) in [
        (
            "open.csv",
            "a,b\n\"x,1\ny,2\n".to_owned(),
            "has a quote that is not closed, in the record at line 2",
        ),
        ("none.csv", String::new(), "has no columns"),
        ("list.json", "[1, 2]".to_owned(), "is no JSON array of objects, at line 1"),
        ("cut.json", "[{\"a\": 1},\n{\"a\"".to_owned(), "is no JSON array of objects, at line 2"),
        ("lines.jsonl", "{\"a\": 1}\n[2]\n".to_owned(), "has something else than a JSON object at line 2"),
        ("text.txt", "a,b\n".to_owned(), "is no CSV, TSV, JSON, JSON Lines or Parquet file by its name"),
        ("bin.csv", "a\0b".to_owned(), "is binary (it has NUL bytes)"),
        ("wide.csv", wide.join(","), "has more than 1000 columns"),
        ("wide.json", format!("{{{object}\"z\":1}}"), "has more than 1000 columns"),
        ("deep.json", "[".repeat(5_000), "is no JSON array of objects, at line 1"),
        ("long.csv", format!("a\n{}\n", "x".repeat(600 << 10)), "has a row that is longer than 512 KiB"),
    ] {
        bench.write(name, content);
        let error = refused(&bench, name).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error}");
        let fault = &error.faults()[0];
        assert_eq!((fault.pointer.as_str(), fault.detail.as_str()), ("/tables/0", reason), "{name}");
    }
}

#[cfg(not(feature = "parquet"))]
#[tokio::test]
async fn a_parquet_file_is_refused_with_the_feature_that_reads_it() {
    let bench = bench().await;
    bench.write("sales.parquet", "PAR1");
    let error = refused(&bench, "sales.parquet").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.faults()[0].detail,
        "is a Parquet file, which this program reads if it is built with the feature `parquet`"
    );
}

#[tokio::test]
async fn nothing_outside_of_the_folders_is_read() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "a\n1\n").unwrap();
    let secret = outside.path().join("secret.csv");
    let bench = bench().await;
    bench.write("own.csv", "a\n1\n");
    let within = |name: &str| bench.files.path().join(name);
    let mut names = vec![
        secret.display().to_string(),
        format!("../{}/secret.csv", outside.path().file_name().unwrap().display()),
        "nowhere.csv".to_owned(),
        "own.csv/".to_owned(),
        ".".to_owned(),
        "/proc/self/environ".to_owned(),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&secret, within("link.csv")).unwrap();
        std::os::unix::fs::symlink(outside.path(), within("folder")).unwrap();
        std::os::unix::fs::symlink(within("own.csv"), within("inner.csv")).unwrap();
        names.extend(["link.csv", "folder/secret.csv", "folder/../own.csv"].map(str::to_owned));
        assert!(std::process::Command::new("mkfifo").arg(within("pipe.csv")).status().unwrap().success());
        names.push("pipe.csv".to_owned());
        assert_eq!(rows(&bench, &["inner.csv"], "SELECT a FROM own").await, json!([[1]]));
    }
    for name in &names {
        let error = refused(&bench, name).await;
        assert_eq!(
            (error.kind(), error.faults()[0].pointer.as_str()),
            (ErrorKind::NotFound, "/tables/0"),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains("secret"), "it must not say what is there: {error}");
    }
    let absolute = within("own.csv").display().to_string();
    assert_eq!(
        rows(&bench, &[&absolute, "own.csv"], "SELECT a FROM own").await,
        json!([[1]]),
        "one file, once"
    );
    assert_eq!(refused(&bench, "a\0b").await.faults()[0].pointer, "/tables/0");
}

#[tokio::test]
async fn it_announces_tables_only_where_there_are_folders() {
    let closed = Bench::new().await;
    let error = closed.retriever.search(&request(&["a.csv"], "SELECT 1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert!(error.hint().unwrap().contains("RETRIEVER_DATA_FOLDERS"));
    let none = closed.retriever.with_data(DataFolders::default(), DataLimits::default(), Models::none());
    assert_eq!(capabilities(&none), ["knowledge_search"]);
    assert_eq!(capabilities(&bench().await.retriever), ["knowledge_search", "data_analysis"]);
    let error = DataFolders::open(&[Path::new("no/such/folder").to_owned()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
}

fn capabilities(retriever: &Retriever) -> Vec<String> {
    retriever.descriptor().capabilities.clone()
}

#[tokio::test]
async fn more_than_fits_is_refused_or_cut_off() {
    let limits = DataLimits {
        file_bytes: 100_000,
        table_bytes: 64 << 10,
        rows: 5,
        answer_bytes: 40,
        ..DataLimits::default()
    };
    let bench = opened(limits, Models::none()).await;
    bench.write("huge.csv", format!("a\n{}", "1234567\n".repeat(20_000)));
    let error = refused(&bench, "huge.csv").await;
    assert_eq!(error.faults()[0].detail, "is larger than what may be analysed at once");
    bench.write("large.csv", format!("a\n{}", "1234567\n".repeat(12_000)));
    let error = refused(&bench, "large.csv").await;
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");

    bench.write("few.csv", "a\n1\n2\n3\n4\n5\n6\n");
    let data = ask(&bench, &["few.csv"], "SELECT a FROM few").await.data.unwrap();
    assert_eq!((data.rows.len(), data.truncated), (5, true));
    let data = ask(&bench, &["few.csv"], "SELECT printf('%.30c', 'x') AS x FROM few").await.data.unwrap();
    assert_eq!((data.rows.len(), data.truncated), (1, true), "by their bytes");
    let data = ask(&bench, &["few.csv"], "SELECT a FROM few LIMIT 5").await.data.unwrap();
    assert!(!data.truncated);
}

#[tokio::test]
async fn a_large_file_is_summed_up() {
    let bench = bench().await;
    let mut text = "id,value\n".to_owned();
    (1..=100_000).for_each(|n| text.push_str(&format!("{n},{}\n", n % 7)));
    bench.write("n.csv", text);
    let expected: u64 = (1..=100_000).map(|n| n % 7).sum();
    let sql = "SELECT count(*) AS rows, sum(value) AS total, max(rowid) AS line FROM n";
    assert_eq!(rows(&bench, &["n.csv"], sql).await, json!([[100_000, expected, 100_001]]));
}

#[tokio::test]
async fn the_arms_output_satisfies_its_schema() {
    let bench = bench().await;
    bench.write("a.csv", "a\n1\n");
    let input = json!({"query": "all", "tables": ["a.csv"], "sql": "SELECT rowid, a FROM a"});
    let reply = bench.retriever.execute(octollm_core::arm::ArmCall::new(input)).await.unwrap();
    let schema = &bench.retriever.descriptor().output_schema;
    assert_eq!(octollm_core::schema::Validator::compile(schema).unwrap().faults(&reply.output), []);
    for (input, pointer) in [
        (json!({"query": "x", "tables": vec!["a.csv"; 17], "sql": "SELECT 1"}), "/tables"),
        (json!({"query": "x", "tables": [""], "sql": "SELECT 1"}), "/tables/0"),
        (json!({"query": "x", "tables": ["a.csv"], "sql": "  "}), "/sql"),
        (json!({"query": "x", "tables": ["a.csv"], "sql": "SELECT 1", "include_web": true}), "/include_web"),
        (json!({"query": "x", "tables": ["a.csv"], "sql": "SELECT 1", "filters": {"kind": "x"}}), "/filters"),
        (json!({"query": "x", "sql": "SELECT 1"}), "/tables"),
    ] {
        let error = bench.retriever.execute(octollm_core::arm::ArmCall::new(input)).await.unwrap_err();
        assert_eq!((error.kind(), error.faults()[0].pointer.as_str()), (ErrorKind::InvalidInput, pointer));
        assert!(error.hint().is_some());
    }
}
