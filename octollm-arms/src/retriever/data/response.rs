//! Rows as results, each with the place that it came from.

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::query::Rows;
use super::table::{Form, Table, Tables};
use crate::retriever::request::{
    Author, Check, Citation, Method, SearchRequest, SearchResponse, SearchResult,
};

/// What a statement answered, as a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Data {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, 1000 at most; a value is a number, a text or null.
    pub rows: Vec<Vec<Value>>,
    /// The statement that was run.
    pub sql: String,
    /// Whether there are more rows than are here.
    pub truncated: bool,
    /// The tables that could be asked.
    pub tables: Vec<TableInfo>,
}

/// A table that a file was loaded as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableInfo {
    /// Its name in SQL.
    pub name: String,
    /// The file, as the request named it.
    pub file: String,
    /// Its columns in order, each `name type`, where the type is `integer`, `real`, `text` or `empty`.
    pub columns: Vec<String>,
    /// How many rows it has.
    pub rows: u64,
    /// What is unusual about the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl TableInfo {
    fn of(table: &Table) -> Self {
        let kind = |kind| serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        let column = |column: &super::table::Column| {
            format!("{} {}", column.name, kind(column.kind).unwrap_or_default())
        };
        Self {
            name: table.name.clone(),
            file: table.file.clone(),
            columns: table.columns.iter().map(column).collect(),
            rows: table.rows,
            notes: table.notes.clone(),
        }
    }
}

/// The answer to the request.
pub(super) fn respond(request: &SearchRequest, tables: &Tables, sql: String, rows: Rows) -> SearchResponse {
    let read: Vec<&Table> = tables.all().iter().filter(|table| rows.read.contains(&table.name)).collect();
    let shown = rows.rows.iter().take(request.limit as usize);
    let places = Places::new(&rows, read, shown.clone());
    let results: Vec<_> =
        shown.clone().zip(1..).map(|(row, rank)| places.result(&rows.columns, row, rank)).collect();
    let citations = match (request.include_citations, places.line) {
        (false, _) => Vec::new(),
        (true, Some(_)) => shown.zip(1..).filter_map(|(row, index)| places.of_row(row, index)).collect(),
        (true, None) => places.read.iter().zip(1..).map(|(table, index)| whole(table, index)).collect(),
    };
    let marks: String = citations.iter().map(|one: &Citation| format!(" [{}]", one.index)).collect();
    // One row is an answer; several are a table.
    let synthesis = match &*rows.rows {
        [row] if !rows.truncated => Some(format!("{}{marks}", said(&rows.columns, row))),
        _ => None,
    };
    SearchResponse {
        results,
        method_used: Method::Sql,
        total_results: rows.rows.len(),
        synthesis,
        synthesis_by: Author::Quotes,
        reranked: false,
        citations,
        unverified: 0,
        data: Some(Data {
            columns: rows.columns,
            rows: rows.rows,
            sql,
            truncated: rows.truncated,
            tables: tables.all().iter().map(TableInfo::of).collect(),
        }),
        notes: Vec::new(),
    }
}

/// Where the rows came from.
struct Places<'a> {
    read: Vec<&'a Table>,
    /// The column that holds the line of each row.
    line: Option<usize>,
    /// Those lines, as they stand in the file.
    quotes: HashMap<u32, &'a str>,
}

/// The result's column that says where each row stands: `rowid`, of the only table that is read.
fn line_column(rows: &Rows, read: &[&Table]) -> Option<usize> {
    let column = rows.columns.iter().position(|column| column.eq_ignore_ascii_case("rowid"));
    column.filter(|_| read.len() == 1)
}

impl<'a> Places<'a> {
    fn new<'r>(rows: &Rows, read: Vec<&'a Table>, shown: impl Iterator<Item = &'r Vec<Value>>) -> Self {
        let line = line_column(rows, &read);
        let quotes = match (line, read.first()) {
            (Some(line), Some(table)) => {
                let numbers: HashSet<u32> = shown.filter_map(|row| number(row, line)).collect();
                table.lines_at(&numbers)
            }
            _ => HashMap::new(),
        };
        Self { read, line, quotes }
    }

    fn result(&self, columns: &[String], row: &[Value], rank: u32) -> SearchResult {
        let files: Vec<&str> = self.read.iter().map(|table| table.file.as_str()).collect();
        let mut metadata = Map::new();
        metadata.insert("kind".to_owned(), "table".into());
        metadata.insert("row".to_owned(), rank.into());
        if let Some(place) = self.of_row(row, rank) {
            metadata.insert("start_line".to_owned(), place.start_line.into());
            metadata.insert("end_line".to_owned(), place.end_line.into());
            metadata.insert("locator".to_owned(), place.locator.into());
        }
        let content = said(columns, row);
        SearchResult { content, source: files.join(", "), score: 1.0, rank, metadata }
    }

    /// The place of a row whose number is known.
    fn of_row(&self, row: &[Value], index: u32) -> Option<Citation> {
        let table = self.read.first()?;
        let number = number(row, self.line?)?;
        let within = match table.form {
            Form::Json => Some(format!("#/{}", number.checked_sub(1)?)),
            Form::Columnar => Some(format!("#row={number}")),
            Form::Separated(_) | Form::JsonLines => None,
        };
        if let Some(within) = within {
            let locator = format!("{}{within}", table.file);
            return Some(Citation { locator, quote: String::new(), ..whole(table, index) });
        }
        Some(Citation {
            index,
            source: table.file.clone(),
            start_line: number,
            end_line: number,
            locator: format!("{}:{number}", table.file),
            quote: (*self.quotes.get(&number)?).to_owned(),
            check: Check::Verified,
        })
    }
}

/// The line that a row says it stands at.
fn number(row: &[Value], column: usize) -> Option<u32> {
    u32::try_from(row.get(column)?.as_u64()?).ok()
}

/// A whole file; its quote is its first line.
fn whole(table: &Table, index: u32) -> Citation {
    Citation {
        index,
        source: table.file.clone(),
        start_line: 1,
        end_line: table.lines().max(1),
        locator: table.file.clone(),
        quote: table.first_line().chars().take(200).collect(),
        check: Check::Verified,
    }
}

fn said(columns: &[String], row: &[Value]) -> String {
    let cell = |(column, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{column}: {value}")
    };
    columns.iter().zip(row).map(cell).collect::<Vec<_>>().join("; ")
}
