//! Parquet files as tables.

use std::path::Path;
use std::sync::Arc;

use octollm_arms::retriever::{DataLimits, SearchResponse};
use octollm_core::model::Models;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::json;

use crate::support::Bench;
use crate::tables::{bench, opened, request};

/// As many rows of a region, an amount and, in every second one, a note.
fn write(path: &Path, rows: i64, packed: Compression) {
    let schema = "message sales { REQUIRED BYTE_ARRAY Region (UTF8); REQUIRED INT64 Units; REQUIRED DOUBLE Amount; \
                  OPTIONAL BYTE_ARRAY Note (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(packed).build());
    let file = std::fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let texts =
        |rows: i64| -> Vec<ByteArray> { (0..rows).map(|row| format!("r{row}").as_str().into()).collect() };
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(rows), None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&(0..rows).collect::<Vec<_>>(), None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let amounts: Vec<f64> = (0..rows).map(|row| row as f64 / 2.0).collect();
    column.typed::<DoubleType>().write_batch(&amounts, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let there: Vec<i16> = (0..rows).map(|row| i16::from(row % 2 == 0)).collect();
    column.typed::<ByteArrayType>().write_batch(&texts((rows + 1) / 2), Some(&there), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

async fn ask(bench: &Bench, sql: &str) -> SearchResponse {
    bench.retriever.search(&request(&["Sales.parquet"], sql)).await.unwrap()
}

#[tokio::test]
async fn rows_are_typed_and_cited_by_their_number() {
    for packed in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(Default::default())] {
        let bench = bench().await;
        write(&bench.files.path().join("Sales.parquet"), 5, packed);
        let response =
            ask(&bench, "SELECT rowid, region, units, amount, note FROM sales WHERE units > 2").await;
        let data = response.data.as_ref().unwrap();
        assert_eq!(json!(data.rows), json!([[4, "r3", 3, 1.5, null], [5, "r4", 4, 2.0, "r2"]]));
        let mut columns = data.tables[0].columns.clone();
        columns.sort();
        assert_eq!(columns, ["amount real", "note text", "region text", "units integer"]);
        let places: Vec<_> = response.citations.iter().map(|one| one.locator.as_str()).collect();
        assert_eq!(places, ["Sales.parquet#row=4", "Sales.parquet#row=5"]);
        assert_eq!(
            json!(ask(&bench, "SELECT sum(amount) FROM sales").await.data.unwrap().rows),
            json!([[5.0]])
        );
    }
}

#[tokio::test]
async fn what_unpacks_to_more_than_there_is_room_for_and_what_is_broken_is_refused() {
    let refused = async |bench: &Bench| {
        let error = bench.retriever.search(&request(&["Sales.parquet"], "SELECT 1")).await.unwrap_err();
        error.faults().iter().map(|fault| fault.detail.clone()).collect::<String>()
    };
    let limits = DataLimits { file_bytes: 20_000, ..DataLimits::default() };
    let bench = opened(limits, Models::none()).await;
    let path = bench.files.path().join("Sales.parquet");
    write(&path, 1_000, Compression::ZSTD(Default::default()));
    assert!(std::fs::metadata(&path).unwrap().len() < 20_000);
    assert!(refused(&bench).await.contains("is larger than what may be analysed at once"));
    std::fs::write(&path, "Region,Amount\n").unwrap();
    assert!(refused(&bench).await.contains("is a broken Parquet file"));
}
