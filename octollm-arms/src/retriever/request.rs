//! What the retriever is asked and what it answers: the wire types of `POST /execute` and of the library alike.

use std::collections::BTreeMap;

use octollm_core::memory::Filter;
use octollm_core::schema::{self, Validator};
use octollm_core::{Error, Fault, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::data::Data;

/// The collection that is searched and filled where none is named.
pub const DEFAULT_COLLECTION: &str = "retriever_index";

/// How chunks are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By words and by vectors, fused by reciprocal rank.
    #[default]
    Hybrid,
    /// By vectors: cosine similarity of the embedder's vectors.
    Vector,
    /// By words: BM25.
    Keyword,
    /// Rows of tables in files, by one SELECT statement. Needs `tables`; without `sql`, a model writes the statement.
    Sql,
    /// On the web, through the configured provider.
    Web,
    /// In pages on the web that are named by their addresses. Needs `urls`.
    Pages,
}

/// Who says what the answer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The sources: their own sentences, word for word.
    #[default]
    Quotes,
    /// A language model, in its own words, with a quote for each sentence.
    Model,
}

/// A question to the index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// What is asked, in words: 1 to 2000 characters.
    #[schemars(length(min = 1, max = 2000))]
    pub query: String,
    /// How to find it.
    #[serde(default)]
    pub method: Method,
    /// Results at most, 1 to 100.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100))]
    pub limit: u32,
    /// Conditions on a chunk's labels (`source`, `kind`, `extension`, `heading`); all must hold. A value is matched
    /// exactly, an array matches any of its entries, a string that ends in `*` matches by prefix.
    #[serde(default)]
    pub filters: BTreeMap<String, Value>,
    /// The least score of a result, in the method's own measure: `hybrid` 0..=1, `vector` cosine -1..=1, `keyword`
    /// BM25 from 0 up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// Whether the synthesis is marked and backed by citations.
    #[serde(default = "default_true")]
    pub include_citations: bool,
    /// Whether a language model puts the best 20 in order. Without one, or where it fails, the order stays, and a note says so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rerank: bool,
    /// Who writes the synthesis. Where a model is wanted and there is none, or it fails, it is quotes, and a note says so.
    #[serde(default, skip_serializing_if = "Author::is_default")]
    pub synthesis: Author,
    /// Where to look.
    #[serde(default = "default_collection")]
    #[schemars(length(min = 1, max = 100))]
    pub collection: String,
    /// Whether the web is searched as well, and its results fused with those of the index.
    #[serde(default, skip_serializing_if = "is_false")]
    pub include_web: bool,
    /// Files whose records are asked, 16 at most: CSV, TSV, JSON or JSON Lines in a folder that is open to it. Naming
    /// them means the method `sql`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub tables: Vec<String>,
    /// Addresses of pages that are read for this question, 8 at most. Naming them means the method `pages`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub urls: Vec<String>,
    /// One SELECT statement in SQLite's SQL over the tables; a file `Sales 2024.csv` is the table `sales_2024`, and
    /// `rowid` is the line of a row in its file. 1 to 16384 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    pub sql: Option<String>,
}

/// Files that one request may name.
const MOST_TABLES: usize = 16;
/// Pages that one request may name.
const MOST_PAGES: usize = 8;
/// Bytes of a statement.
const LONGEST_SQL: usize = 16_384;

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

fn default_limit() -> u32 {
    10
}

fn default_true() -> bool {
    true
}

fn default_collection() -> String {
    DEFAULT_COLLECTION.to_owned()
}

impl Author {
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl SearchRequest {
    /// `query` with every default.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            method: Method::default(),
            limit: default_limit(),
            filters: BTreeMap::new(),
            min_score: None,
            include_citations: default_true(),
            rerank: false,
            synthesis: Author::default(),
            collection: default_collection(),
            include_web: false,
            tables: Vec::new(),
            urls: Vec::new(),
            sql: None,
        }
    }

    /// The method that is meant: tables, statements and pages have only one.
    pub(super) fn wanted(&self) -> Method {
        match (self.tables.is_empty() && self.sql.is_none(), self.urls.is_empty()) {
            (false, _) => Method::Sql,
            (true, false) => Method::Pages,
            (true, true) => self.method,
        }
    }

    /// Reads and checks a request.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn from_value(value: Value) -> Result<Self> {
        let faults = Validator::of::<Self>().faults(&value);
        if !faults.is_empty() {
            return Err(invalid(faults));
        }
        let request: Self = schema::from_value(value, "the search request")?;
        request.validate()?;
        Ok(request)
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn validate(&self) -> Result<()> {
        let mut faults = Vec::new();
        if self.query.trim().is_empty() || self.query.chars().count() > 2_000 {
            faults.push(Fault::new("/query", "must have 1 to 2000 characters that are not all white space"));
        }
        if !(1..=100).contains(&self.limit) {
            faults.push(Fault::new("/limit", "must be 1 to 100"));
        }
        if self.min_score.is_some_and(|score| !score.is_finite()) {
            faults.push(Fault::new("/min_score", "must be a finite number"));
        }
        if self.collection.is_empty() || self.collection.len() > 100 {
            faults.push(Fault::new("/collection", "must have 1 to 100 characters"));
        }
        let nested = self.filters.iter().filter(|(_, value)| !is_condition(value));
        faults.extend(nested.map(|(key, _)| {
            Fault::new(pointer(key), "must be a string, a number, a boolean, or an array of these")
        }));
        self.check_places(&mut faults);
        if faults.is_empty() { Ok(()) } else { Err(invalid(faults)) }
    }

    fn check_places(&self, faults: &mut Vec<Fault>) {
        if self.tables.len() > MOST_TABLES {
            faults.push(Fault::new("/tables", format!("must not name more than {MOST_TABLES} files")));
        }
        let unfit = |file: &String| file.is_empty() || file.contains('\0') || file.len() > 4_096;
        let unfit = self.tables.iter().enumerate().filter(|(_, file)| unfit(file));
        faults.extend(unfit.map(|(at, _)| Fault::new(format!("/tables/{at}"), "must be a file's path")));
        if self.sql.as_ref().is_some_and(|sql| sql.trim().is_empty() || sql.len() > LONGEST_SQL) {
            faults.push(Fault::new(
                "/sql",
                format!("must have 1 to {LONGEST_SQL} characters that are not all white space"),
            ));
        }
        let wanted = self.wanted();
        if wanted == Method::Pages && self.urls.is_empty() {
            faults.push(Fault::new("/urls", "must name at least one page"));
        }
        if self.urls.len() > MOST_PAGES {
            faults.push(Fault::new("/urls", format!("must not name more than {MOST_PAGES} pages")));
        }
        if !matches!(wanted, Method::Sql | Method::Pages) {
            return;
        }
        if wanted == Method::Sql && !self.urls.is_empty() {
            faults.push(Fault::new("/urls", "has no meaning beside `tables`"));
        }
        if wanted == Method::Sql && self.rerank {
            faults.push(Fault::new(
                "/rerank",
                "has no meaning beside `tables`, whose rows the statement orders",
            ));
        }
        if wanted == Method::Sql && self.synthesis == Author::Model {
            faults
                .push(Fault::new("/synthesis", "has no meaning beside `tables`, whose rows are the answer"));
        }
        if self.include_web {
            faults.push(Fault::new("/include_web", "has no meaning beside `tables` and `urls`"));
        }
        if !self.filters.is_empty() {
            faults.push(Fault::new(
                "/filters",
                "has no meaning beside `tables`, which take conditions in the statement, and `urls`",
            ));
        }
    }

    /// The conditions as the stores take them.
    pub(super) fn filter(&self) -> Filter {
        Filter(self.filters.clone())
    }
}

fn invalid(faults: Vec<Fault>) -> Error {
    Error::invalid("the search request is invalid", faults)
        .with_hint("send {\"query\": \"...\"}; method, limit, filters, min_score, include_citations, rerank, synthesis, collection, include_web, tables, urls and sql are optional")
}

fn pointer(key: &str) -> String {
    format!("/filters/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn is_condition(value: &Value) -> bool {
    match value {
        Value::Array(any) => any.iter().all(|one| !one.is_array() && is_condition(one)),
        Value::Object(_) | Value::Null => false,
        _ => true,
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResponse {
    /// The best chunks, best first; `limit` at most.
    pub results: Vec<SearchResult>,
    /// How they were found. `keyword` where `hybrid` was asked for and the index has no vectors of this embedder.
    pub method_used: Method,
    /// How many chunks were found before `limit`. Each way of searching looks at its best 50 or more, not at all.
    pub total_results: usize,
    /// Sentences that answer the query, each followed by the number of its citation in brackets: word for word as they were
    /// found but without Markdown's marks, of a long table row only its name and the cells that were asked for; or in a
    /// model's words, where `synthesis_by` says so. Absent where no sentence answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthesis: Option<String>,
    /// Who wrote the synthesis.
    #[serde(default, skip_serializing_if = "Author::is_default")]
    pub synthesis_by: Author,
    /// Whether a model put the results in order; their scores stay those of the search.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reranked: bool,
    /// What the synthesis rests on, by number; without a synthesis, the results themselves.
    #[serde(default)]
    pub citations: Vec<Citation>,
    /// How many of the citations did not hold when they were looked up: the `check` of each says why, and the synthesis has
    /// a question mark at its number.
    #[serde(default)]
    pub unverified: usize,
    /// The rows, where tables were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// What did not go as asked, such as a web search that failed while the index answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Something that was found: a chunk, a row, a page on the web.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResult {
    /// Its text as it stands in the file; of a row, its values by their columns; of a page, what the provider shows of it.
    pub content: String,
    /// The file, as it was named when it was ingested, or the page's address.
    pub source: String,
    /// How well it fits. `hybrid`: 0..=1, where 1 is first by words and by vectors; `vector`: cosine similarity,
    /// -1..=1; `keyword`: BM25, comparable within one answer only; `web`: by
    /// rank, 1 for the first; `pages`: the part of the question's words, 0..=1; `sql`: 1.
    pub score: f32,
    /// From 1.
    pub rank: u32,
    /// Its labels, with `start_line`, `end_line` and `locator`.
    pub metadata: Map<String, Value>,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// The number in brackets, from 1.
    pub index: u32,
    /// The file, as it was named when it was ingested, or the page's address.
    pub source: String,
    /// First line, from 1; for a PDF its page.
    pub start_line: u32,
    /// Last line; for a PDF its page.
    pub end_line: u32,
    /// `path:line`, `path:start-end`, `path#page=3` for a PDF, `path#/3` for a JSON array's element, or an address.
    pub locator: String,
    /// The words that are cited, exactly as they stand there.
    pub quote: String,
    /// What came of looking it up.
    #[serde(default)]
    pub check: Check,
}

/// What came of looking a citation up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The quote stands there, and the words that it backs are its own. Of a table, the line was read for this answer.
    #[default]
    Verified,
    /// What was indexed has the quote there, but the file has other words there now, or is gone.
    Changed,
    /// What was read does not have the quote there.
    Absent,
    /// The quote stands there, but the words that it is to back are others.
    Unrelated,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(value: Value) -> Vec<String> {
        let error = SearchRequest::from_value(value).unwrap_err();
        error.faults().iter().map(|fault| fault.pointer.clone()).collect()
    }

    #[test]
    fn defaults_are_filled_in() {
        let request = SearchRequest::from_value(json!({"query": "tides"})).unwrap();
        assert_eq!(request, SearchRequest::new("tides"));
        assert_eq!((request.limit, request.collection.as_str()), (10, "retriever_index"));
    }

    #[test]
    fn every_fault_is_named_at_its_place() {
        assert_eq!(pointers(json!({"query": "x", "limit": 0})), ["/limit"]);
        assert_eq!(pointers(json!({"query": "x", "limit": 101})), ["/limit"]);
        assert_eq!(pointers(json!({"query": "", "method": "magic"})).len(), 2);
        assert_eq!(pointers(json!({"query": "x", "filters": {"a/b": {"c": 1}}})), ["/filters/a~1b"]);
        assert_eq!(pointers(json!({"query": "   "})), ["/query"]);
        assert_eq!(pointers(json!({})), [""]);
        assert_eq!(pointers(json!({"query": "x", "top": 3})), ["/top"]);
    }
}
