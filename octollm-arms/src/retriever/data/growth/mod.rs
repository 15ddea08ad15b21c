//! How large a statement grows before it runs.
//!
//! Before SQLite runs a statement it copies: the query of a WITH table to every place that names it, and the expressions
//! of an inner query to every place of the outer one that names their columns. Thirty levels of `SELECT a + a AS a` are a
//! billion expressions, and all the while no limit counts and nobody looks at the clock. So the copies are counted
//! beforehand, out of the text, rather too many than too few:
//!
//! > size of a query = how often it says the name that it says most often × (its words + the sizes of the queries in it)
//!
//! In it is what stands in brackets, and the query of each WITH table that it names.

mod tokens;

use std::collections::HashMap;
use std::ops::Range;

use tokens::{Token, tokens};

/// Words that a statement may grow to: some 50 MB.
const MOST: u64 = 250_000;
/// Queries within each other, which are as deep on the stack.
const DEEPEST: usize = 60;

/// Frequent words that can be no names.
const RESERVED: [&str; 26] = [
    "all", "and", "as", "between", "case", "distinct", "else", "escape", "except", "exists", "from", "group",
    "having", "in", "is", "join", "limit", "not", "null", "on", "or", "order", "select", "then", "when",
    "where",
];

/// Words after which the FROM clause is over.
const ENDS_FROM: [&str; 11] =
    ["select", "where", "group", "having", "order", "limit", "window", "on", "union", "except", "intersect"];

/// Whether a statement stays within what can be compiled.
pub(super) fn fits(sql: &str) -> bool {
    let tokens = tokens(sql);
    let definitions = definitions(&tokens);
    let known = vec![Known::Nothing; definitions.len()];
    let mut count = Count { tokens: &tokens, definitions: &definitions, known };
    count.query(0..tokens.len(), None, 0).is_some()
}

/// `name AS (...)`, with or without columns after the name.
struct Definition<'a> {
    name: &'a str,
    body: Range<usize>,
}

fn definitions(tokens: &[Token]) -> Vec<Definition<'_>> {
    let is = |at: usize, word: &str| matches!(tokens.get(at), Some(Token::Word(found)) if found == word);
    let definition = |(at, token): (usize, &'_ Token)| -> Option<Range<usize>> {
        token.name()?;
        let opens = tokens.get(at + 1) == Some(&Token::Open);
        let mut next = if opens { close(tokens, at + 1) + 1 } else { at + 1 };
        if !is(next, "as") {
            return None;
        }
        next += 1;
        while is(next, "not") || is(next, "materialized") {
            next += 1;
        }
        (tokens.get(next) == Some(&Token::Open)).then(|| next + 1..close(tokens, next))
    };
    let named = tokens.iter().enumerate();
    named.filter_map(|one| Some(Definition { name: one.1.name()?, body: definition(one)? })).collect()
}

/// Where the bracket at `open` is closed, or the end.
fn close(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Open => depth += 1,
            Token::Close if depth <= 1 => return at,
            Token::Close => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// A query's size in words, and how many levels it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grown {
    words: u64,
    levels: usize,
}

#[derive(Debug, Clone, Copy)]
enum Known {
    Nothing,
    /// It is being counted: whoever names it now is in a circle.
    Begun,
    Size(Grown),
}

struct Count<'a> {
    tokens: &'a [Token],
    definitions: &'a [Definition<'a>],
    known: Vec<Known>,
}

impl Count<'_> {
    /// The size of the query in this range, or nothing where it is too large. `within` is the definition whose body it
    /// is: naming itself, it reads its own rows.
    fn query(&mut self, range: Range<usize>, within: Option<usize>, depth: usize) -> Option<Grown> {
        let parts = Parts::of(self.tokens, range.clone());
        let mut grown = Grown { words: range.len() as u64, levels: 0 };
        let mut hold = |inner: Grown| {
            grown.words = grown.words.saturating_add(inner.words);
            grown.levels = grown.levels.max(inner.levels);
        };
        if depth > DEEPEST {
            return None;
        }
        for inner in parts.queries {
            hold(self.query(inner, within, depth + 1)?);
        }
        for at in parts.names {
            let name = self.tokens.get(at).and_then(Token::name)?;
            for (definition, found) in self.definitions.iter().enumerate() {
                if found.name == name && Some(definition) != within {
                    hold(self.definition(definition, depth)?);
                }
            }
        }
        let grown = Grown { words: grown.words.saturating_mul(parts.most_said), levels: grown.levels + 1 };
        (grown.words <= MOST && grown.levels <= DEEPEST).then_some(grown)
    }

    fn definition(&mut self, at: usize, depth: usize) -> Option<Grown> {
        match self.known.get(at)? {
            Known::Size(grown) => return Some(*grown),
            Known::Begun => return None,
            Known::Nothing => {}
        }
        *self.known.get_mut(at)? = Known::Begun;
        let body = self.definitions.get(at)?.body.clone();
        let grown = self.query(body, Some(at), depth + 1)?;
        *self.known.get_mut(at)? = Known::Size(grown);
        Some(grown)
    }
}

/// What a query is made of.
struct Parts {
    /// The queries in brackets.
    queries: Vec<Range<usize>>,
    /// Where names stand that may be those of WITH tables.
    names: Vec<usize>,
    /// How often it says the name that it says most often; a star says every name.
    most_said: u64,
}

impl Parts {
    fn of(tokens: &[Token], range: Range<usize>) -> Self {
        let mut queries = Vec::new();
        let mut names = Vec::new();
        let mut said: HashMap<&str, u64> = HashMap::new();
        let mut stars = 0;
        let mut from = From::default();
        // Until here, the words are a query's in an expression: they say this one's names, but belong to that one.
        let mut inner_until = range.start;
        let mut at = range.start;
        while let Some(token) = tokens.get(at).filter(|_| at < range.end) {
            let own = at >= inner_until;
            if own && is_query(tokens, at) {
                let end = close(tokens, at).min(range.end);
                queries.push(at + 1..end);
                if from.is_open() {
                    // Behind FROM, a query has only names of its own.
                    at = end + 1;
                    continue;
                }
                inner_until = end + 1;
            }
            if own {
                from.pass(tokens, at);
            }
            match token {
                Token::Star => stars += 1,
                token => {
                    if let Some(name) = token.name().filter(|_| is_name(tokens, at)) {
                        *said.entry(name).or_default() += 1;
                        names.extend(own.then_some(at));
                    }
                }
            }
            at += 1;
        }
        let most_said = stars + said.into_values().max().unwrap_or_default();
        Self { queries, names, most_said: most_said.max(1) }
    }
}

/// Whether a bracket opens here with a query in it.
fn is_query(tokens: &[Token], at: usize) -> bool {
    let begins = |word: &str| matches!(word, "select" | "with" | "values");
    tokens.get(at) == Some(&Token::Open)
        && matches!(tokens.get(at + 1), Some(Token::Word(word)) if begins(word))
}

/// Whether this word can be a column's or a table's name: no keyword, no function, and not what a dot follows.
fn is_name(tokens: &[Token], at: usize) -> bool {
    let reserved = matches!(tokens.get(at), Some(Token::Word(word)) if RESERVED.contains(&word.as_str()));
    !reserved && !matches!(tokens.get(at + 1), Some(Token::Open | Token::Dot))
}

/// Whether one is in the FROM clause, by the brackets that are open.
struct From(Vec<bool>);

impl Default for From {
    fn default() -> Self {
        Self(vec![false])
    }
}

impl From {
    fn is_open(&self) -> bool {
        self.0.last().is_some_and(|open| *open)
    }

    fn pass(&mut self, tokens: &[Token], at: usize) {
        match tokens.get(at) {
            Some(Token::Open) => self.0.push(self.is_open()),
            Some(Token::Close) if self.0.len() > 1 => drop(self.0.pop()),
            Some(Token::Word(word)) => {
                let before = at.checked_sub(1).and_then(|before| tokens.get(before));
                // IS DISTINCT FROM compares.
                let compares = matches!(before, Some(Token::Word(word)) if word == "distinct");
                let opens = word == "join" || (word == "from" && !compares);
                if let Some(last) = self.0.last_mut().filter(|_| opens || ENDS_FROM.contains(&word.as_str()))
                {
                    *last = opens;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(levels: usize, each: &str) -> String {
        let more: String = (1..levels)
            .map(|n| format!(", c{n} AS ({})", each.replace('?', &format!("c{}", n - 1))))
            .collect();
        format!("WITH c0 AS (SELECT a, b FROM t){more} SELECT * FROM c{}", levels - 1)
    }

    fn nested(levels: usize, each: &str) -> String {
        (0..levels).fold("SELECT a FROM t".to_owned(), |inner, _| each.replace('?', &format!("({inner})")))
    }

    #[test]
    fn what_people_write_fits() {
        for sql in [
            "SELECT region, sum(amount) AS total FROM sales WHERE amount > 0 GROUP BY region ORDER BY total DESC LIMIT 5",
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100) SELECT x FROM n",
            "WITH a AS (SELECT x, y FROM t), b AS (SELECT x, sum(y) AS y FROM a GROUP BY x), c AS (SELECT a.x, a.y, b.y \
             FROM a JOIN b ON a.x = b.x WHERE a.y > b.y / 2) SELECT c.x, count(*) FROM c JOIN b ON b.x = c.x GROUP BY c.x",
            "SELECT * FROM t WHERE x = (SELECT max(x) FROM t WHERE y IN (SELECT y FROM u WHERE u.z = t.z))",
            "SELECT sum(CASE WHEN m = 1 THEN a END), sum(CASE WHEN m = 2 THEN a END), sum(CASE WHEN m = 3 THEN a END), \
             sum(CASE WHEN m = 4 THEN a END) FROM (SELECT m, sum(a) AS a FROM (SELECT m, a FROM t WHERE a > 0) GROUP BY m)",
            "-- a comment ((((\nSELECT 'it''s (', \"a\"\"b\", [c], `d` /* ) */ FROM t",
        ] {
            assert!(fits(sql), "{sql}");
        }
        assert!(fits(&chain(20, "SELECT a FROM ?")) && fits(&nested(20, "SELECT a FROM ?")));
    }

    #[test]
    fn what_doubles_at_each_level_does_not() {
        for each in [
            "SELECT 1 FROM ? x, ? y",
            "SELECT a + a AS a FROM ?",
            "SELECT \"a\" + [a] AS 'A' FROM ?",
            "SELECT *, * FROM ?",
            "SELECT x.a + (SELECT x.a) AS a FROM ? AS x",
            "SELECT 1 IS DISTINCT FROM (SELECT a + a) AS a FROM ?",
            "SELECT 1 AS \"from\", (SELECT a + a) AS a FROM ?",
            "SELECT end + end AS end FROM ?",
        ] {
            assert!(!fits(&chain(40, each)), "{each}");
            if !each.contains("? y") {
                assert!(!fits(&nested(40, each)), "{each}");
            }
        }
        assert!(!fits(&chain(100, "SELECT a FROM ?")) && !fits(&nested(100, "SELECT a FROM ?")));
        let shadowed = nested(40, "WITH c AS ? SELECT 1 FROM c x, c y");
        assert!(!fits(&shadowed));
        assert!(!fits("WITH a AS (SELECT 1 FROM b, b), b AS (SELECT 1 FROM a) SELECT 1 FROM a"));
    }
}
