use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, Int96};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::{Guard, Stop, rows};

/// What rows may take in these tests.
const MOST: u64 = 1 << 20;

/// A file of this schema; each column is filled by `fill`, after its number.
fn file(schema: &str, properties: WriterProperties, fill: impl Fn(usize, &mut ColumnWriter<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut number = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        fill(number, column.untyped());
        number += 1;
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

/// Texts in a dictionary, numbers, and missing values: 500 rows.
fn whole(packed: Compression, version: WriterVersion) -> Vec<u8> {
    let schema =
        "message m { REQUIRED BYTE_ARRAY name (UTF8); REQUIRED DOUBLE amount; OPTIONAL INT32 note; }";
    let properties = WriterProperties::builder().set_compression(packed).set_writer_version(version);
    let properties = properties.set_column_encoding("note".into(), parquet::basic::Encoding::PLAIN);
    file(schema, properties.build(), |_, column| {
        let levels: Vec<i16> = (0..500).map(|row| i16::from(row % 2 == 0)).collect();
        let written = match column {
            ColumnWriter::ByteArrayColumnWriter(column) => {
                let texts: Vec<ByteArray> =
                    (0..500).map(|row| format!("name {}", row % 50).as_str().into()).collect();
                column.write_batch(&texts, None, None)
            }
            ColumnWriter::DoubleColumnWriter(column) => {
                column.write_batch(&(0..500).map(f64::from).collect::<Vec<_>>(), None, None)
            }
            ColumnWriter::Int32ColumnWriter(column) => {
                column.write_batch(&(0..250).collect::<Vec<_>>(), Some(&levels), None)
            }
            _ => unreachable!(),
        };
        written.unwrap();
    })
}

#[test]
fn pages_of_both_kinds_are_read_however_they_are_packed() {
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for packed in packings() {
            let text = read(whole(packed, version)).unwrap();
            assert_eq!(text.lines().count(), 500, "{packed:?}");
            assert_eq!(text.lines().nth(52), Some("{\"amount\":52.0,\"name\":\"name 2\",\"note\":26}"));
            assert_eq!(text.lines().nth(53), Some("{\"amount\":53.0,\"name\":\"name 3\",\"note\":null}"));
        }
    }
}

fn packings() -> [Compression; 3] {
    [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(Default::default())]
}

fn read(bytes: Vec<u8>) -> Result<String, String> {
    let guard = Guard { stopped: Arc::default(), deadline: Instant::now() + Duration::from_secs(60) };
    rows(Bytes::from(bytes), MOST, &guard).map_err(|stop| match stop {
        Stop::Unfit(reason) => reason,
        Stop::Over => "over".to_owned(),
        Stop::Database(error) => error.to_string(),
    })
}

/// One row of one column, read.
fn one(schema: &str, fill: impl Fn(&mut ColumnWriter<'_>)) -> Result<String, String> {
    let properties = WriterProperties::builder().build();
    read(file(&format!("message m {{ {schema} }}"), properties, |_, column| fill(column)))
        .map(|text| text.trim_end().to_owned())
}

fn int(value: i32) -> impl Fn(&mut ColumnWriter<'_>) {
    move |column| match column {
        ColumnWriter::Int32ColumnWriter(column) => {
            column.write_batch(&[value], None, None).unwrap();
        }
        _ => unreachable!(),
    }
}

fn long(value: i64) -> impl Fn(&mut ColumnWriter<'_>) {
    move |column| match column {
        ColumnWriter::Int64ColumnWriter(column) => {
            column.write_batch(&[value], None, None).unwrap();
        }
        _ => unreachable!(),
    }
}

fn bytes(value: &'static [u8]) -> impl Fn(&mut ColumnWriter<'_>) {
    move |column| match column {
        ColumnWriter::ByteArrayColumnWriter(column) => {
            column.write_batch(&[value.into()], None, None).unwrap();
        }
        _ => unreachable!(),
    }
}

#[test]
fn dates_times_and_decimals_are_written_as_people_write_them() {
    let micros = 1_700_000_000_123_456;
    let a = |value: &str| Ok(format!("{{\"a\":{value}}}"));
    assert_eq!(one("REQUIRED INT32 a (DATE);", int(19_723)), a("\"2024-01-01\""));
    assert_eq!(one("REQUIRED INT32 a (DATE);", int(-1)), a("\"1969-12-31\""));
    assert_eq!(one("REQUIRED INT32 a (TIME_MILLIS);", int(3_661_500)), a("\"01:01:01.5\""));
    let utc = "\"2023-11-14T22:13:20.123456Z\"";
    assert_eq!(one("REQUIRED INT64 a (TIMESTAMP_MICROS);", long(micros)), a(utc));
    assert_eq!(one("REQUIRED INT64 a (TIMESTAMP(NANOS,true));", long(micros * 1_000)), a(utc));
    let local = "\"2023-11-14T22:13:20.123456\"";
    assert_eq!(one("REQUIRED INT64 a (TIMESTAMP(MICROS,false));", long(micros)), a(local));
    assert_eq!(one("REQUIRED INT32 a (DECIMAL(9,2));", int(-5)), a("-0.05"));
    assert_eq!(
        one("REQUIRED INT64 a (DECIMAL(18,2));", long(123_456_789_012_345_678)),
        a("\"1234567890123456.78\"")
    );
    assert_eq!(one("REQUIRED BYTE_ARRAY a;", bytes(b"old text")), a("\"old text\""));
    assert_eq!(one("REQUIRED BYTE_ARRAY a;", bytes(&[0xff, 0])), a("\"/wA=\""));
    let int96 = one("REQUIRED INT96 a;", |column| match column {
        // Noon of the day with this Julian number.
        ColumnWriter::Int96ColumnWriter(column) => {
            let (mut noon, nanos) = (Int96::new(), 43_200_000_000_000_u64);
            noon.set_data(nanos as u32, (nanos >> 32) as u32, 2_440_589);
            column.write_batch(&[noon], None, None).unwrap();
        }
        _ => unreachable!(),
    });
    assert_eq!(int96, a("\"1970-01-02T12:00:00Z\""));
}

#[test]
fn what_is_not_read_is_refused_by_its_place() {
    let refused = one("REQUIRED INT32 a; OPTIONAL GROUP b { REQUIRED INT32 c; }", |column| match column {
        ColumnWriter::Int32ColumnWriter(column) if column.get_descriptor().max_def_level() > 0 => {
            column.write_batch(&[1], Some(&[1]), None).unwrap();
        }
        column => int(1)(column),
    });
    assert_eq!(refused, Err("has a nested column, number 2, which is not read".to_owned()));
    let refused = one("REQUIRED INT32 a; REPEATED INT32 b;", |column| match column {
        ColumnWriter::Int32ColumnWriter(column) if column.get_descriptor().max_def_level() > 0 => {
            column.write_batch(&[1], Some(&[1]), Some(&[0])).unwrap();
        }
        column => int(1)(column),
    });
    assert_eq!(refused, Err("has a column, number 2, of a type that is not read".to_owned()));
    let schema = "message m { REQUIRED INT32 a; }";
    let delta = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(parquet::basic::Encoding::DELTA_BINARY_PACKED);
    let refused = read(file(schema, delta.build(), |_, column| int(1)(column)));
    assert_eq!(refused, Err("is encoded otherwise than plainly, by dictionaries or in runs".to_owned()));
    let none = read(file(schema, WriterProperties::builder().build(), |_, _| ()));
    assert_eq!(none, Err("has no rows".to_owned()));
    assert!(one("REQUIRED INT64 a (TIMESTAMP_MILLIS);", long(i64::MAX)).is_err());
}

/// A page header of plain data, 1 to 3: its kind, what it says to unpack to, and its length.
fn page_header(unpacked: i32) -> Vec<u8> {
    let mut header = vec![0x15, 0x04, 0x15];
    let mut folded = (unpacked as u32) << 1;
    while folded >= 0x80 {
        header.push(folded as u8 | 0x80);
        folded >>= 7;
    }
    header.extend([folded as u8, 0x15, 0x02, 0]);
    header
}

#[test]
fn a_header_that_lies_is_not_handed_on() {
    use parquet::file::reader::ChunkReader;
    let pages = |header: Vec<u8>| super::Pages::new([header, vec![0; 100]].concat().into(), MOST);
    let honest = pages(page_header(1_000));
    assert!(honest.get_read(0).is_ok() && !honest.exceeded());
    let total = (0..2_000).take_while(|_| honest.get_read(0).is_ok()).count();
    assert_eq!(total as u64, MOST / 1_000 - 1);
    let lying = pages(page_header(i32::MAX));
    assert!(lying.get_read(0).is_err() && lying.exceeded());
    // A field that comes twice, one of another type, one that is not known.
    for odd in [&[0x15, 4, 0x15, 2, 0x05, 4, 2, 0][..], &[0x15, 4, 0x18, 2, 0], &[0x15, 4, 0xf5, 2, 0]] {
        assert!(pages(odd.to_vec()).get_read(0).is_err());
    }
    // A dictionary of two thousand million entries.
    let many = [0x15, 4, 0x15, 2, 0x15, 2, 0x4c, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0, 0, 0];
    let many = pages(many.to_vec());
    assert!(many.get_read(0).is_err() && many.exceeded());
}

#[test]
fn a_footer_that_lies_is_not_handed_on() {
    let footer = |bytes: &[u8]| {
        let length = (bytes.len() as u32).to_le_bytes();
        read([b"PAR1", bytes, &length, b"PAR1"].concat())
    };
    // The root has two thousand million children; a list has as many elements.
    let root = [0x15, 2, 0x19, 0x1c, 0x48, 1, b'm', 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    assert_eq!(footer(&root), Err("has more than 1000 columns".to_owned()));
    let list = [0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0, 0];
    assert!(footer(&list).unwrap_err().contains("is a broken Parquet file"));
    // Groups in groups, as deep as the file is long.
    let group = [0x48, 1, b'g', 0x15, 2, 0];
    let mut deep = vec![0x15, 2, 0x19, 0xfc, 0xa0, 0x8d, 0x06];
    deep.extend(group.repeat(100_000));
    assert_eq!(footer(&deep), Err("has a nested column, number 1, which is not read".to_owned()));
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let whole = whole(Compression::SNAPPY, WriterVersion::PARQUET_1_0);
    assert_eq!(read(whole.clone()).unwrap().lines().count(), 500);
    for end in 0..whole.len() {
        read(whole[..end].to_vec()).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Some bytes carry nothing, or a value: a file with them changed is read, but nothing ends the process.
    #[test]
    fn a_file_with_flipped_bits_is_read_or_refused(
        codec in 0..3_usize,
        second in any::<bool>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 1..6),
    ) {
        let codec = packings()[codec];
        let version = if second { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
        let mut bytes = whole(codec, version);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Ok(text) = read(bytes) {
            prop_assert!(text.len() as u64 <= MOST);
        }
    }
}
