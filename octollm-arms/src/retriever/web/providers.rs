//! The providers of web searches that are known: what differs between them, as a table.
//!
//! | name | checked against |
//! |---|---|
//! | `searxng` | the answers that the project's JSON output has in its clients (`results[]` of `title`, `url`, `content`) |
//! | `brave` | Brave's API reference, `GET /res/v1/web/search`, and its list of response objects |
//! | `tavily` | Tavily's help centre: `POST /search` with a bearer token; `results[]` of `title`, `url`, `content` |
//! | `serper` | the clients of `POST /search` in public code: `X-API-KEY`, `organic[]` of `title`, `link`, `snippet` |
//! | `bing` | Microsoft's stable 1.0 description of the Web Search client: `webPages.value[]` of `name`, `url`, `snippet` |
//!
//! None of them was asked: no key was there. The tests answer in these formats from a server of their own.

/// How a provider is asked and how it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Provider {
    /// Its name in `WEB_SEARCH_PROVIDER`.
    pub(super) name: &'static str,
    /// Where it is asked; absent where everybody has an address of their own.
    pub(super) url: Option<&'static str>,
    /// What is added to an address that names only a host.
    pub(super) path: &'static str,
    /// How the question is sent.
    pub(super) form: Form,
    /// The header that carries the key, and what stands before it.
    pub(super) key: Option<(&'static str, &'static str)>,
    /// The name of the question.
    pub(super) query: &'static str,
    /// The name of the number of results, and the most that it may be.
    pub(super) count: Option<(&'static str, u32)>,
    /// What is sent besides.
    pub(super) also: &'static [(&'static str, &'static str)],
    /// JSON pointer to the results.
    pub(super) results: &'static str,
    /// A result's title, address and words.
    pub(super) fields: [&'static str; 3],
}

/// How a question is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `GET`, in the query of the address.
    Query,
    /// `POST`, as JSON.
    Json,
}

/// Every provider.
pub(super) const PROVIDERS: [Provider; 5] = [
    Provider {
        name: "searxng",
        url: None,
        path: "/search",
        form: Form::Query,
        key: None,
        query: "q",
        count: None,
        also: &[("format", "json")],
        results: "/results",
        fields: ["title", "url", "content"],
    },
    Provider {
        name: "brave",
        url: Some("https://api.search.brave.com/res/v1/web/search"),
        path: "/res/v1/web/search",
        form: Form::Query,
        key: Some(("x-subscription-token", "")),
        query: "q",
        count: Some(("count", 20)),
        also: &[],
        results: "/web/results",
        fields: ["title", "url", "description"],
    },
    Provider {
        name: "tavily",
        url: Some("https://api.tavily.com/search"),
        path: "/search",
        form: Form::Json,
        key: Some(("authorization", "Bearer ")),
        query: "query",
        count: Some(("max_results", 20)),
        also: &[],
        results: "/results",
        fields: ["title", "url", "content"],
    },
    Provider {
        name: "serper",
        url: Some("https://google.serper.dev/search"),
        path: "/search",
        form: Form::Json,
        key: Some(("x-api-key", "")),
        query: "q",
        count: Some(("num", 100)),
        also: &[],
        results: "/organic",
        fields: ["title", "link", "snippet"],
    },
    Provider {
        name: "bing",
        url: None,
        path: "/v7.0/search",
        form: Form::Query,
        key: Some(("ocp-apim-subscription-key", "")),
        query: "q",
        count: Some(("count", 50)),
        also: &[],
        results: "/webPages/value",
        fields: ["name", "url", "snippet"],
    },
];
