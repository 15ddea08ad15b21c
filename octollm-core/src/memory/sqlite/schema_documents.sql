-- Documents cut into chunks, their words, and vectors.

CREATE TABLE document_collections (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- A document is written in several short transactions, so that a long one does not hold up the journal: it is staged
-- (0), becomes live (1) in the transaction that makes its predecessor dead (2), and what is dead is swept away.
CREATE TABLE documents (
    id           INTEGER PRIMARY KEY,
    collection   INTEGER NOT NULL REFERENCES document_collections (id),
    source       TEXT    NOT NULL,
    content_hash TEXT    NOT NULL,
    metadata     TEXT    NOT NULL,
    chunks       INTEGER NOT NULL,
    state        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX documents_live ON documents (collection, source) WHERE state = 1;
CREATE INDEX documents_staged ON documents (collection, source) WHERE state = 0;
CREATE INDEX documents_dead ON documents (id) WHERE state = 2;

CREATE TABLE chunks (
    id         INTEGER PRIMARY KEY,
    document   INTEGER NOT NULL REFERENCES documents (id),
    collection INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    start_line INTEGER NOT NULL,
    end_line   INTEGER NOT NULL,
    metadata   TEXT    NOT NULL,
    content    TEXT    NOT NULL
) STRICT;
CREATE INDEX chunks_by_document ON chunks (document);
CREATE INDEX chunks_by_name ON chunks (collection, name);

-- The words of each chunk, by its id; the text itself is kept once, above. `scope` holds the collection as a word, so
-- that a search reads the entries of its own collection only; it weighs nothing in the ranking.
CREATE VIRTUAL TABLE chunk_words USING fts5 (
    scope, words, content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2'
);

-- `version` counts the writes to a collection: who holds its vectors in memory reads what is newer than what it has.
-- A dropped collection has no name any more, until its vectors are swept away. An id is never used twice.
CREATE TABLE vector_collections (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT UNIQUE,
    embedder   TEXT    NOT NULL,
    dimensions INTEGER NOT NULL,
    version    INTEGER NOT NULL
) STRICT;

-- `vector` is 32-bit floats, little-endian.
CREATE TABLE vectors (
    id         INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES vector_collections (id),
    name       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    payload    TEXT    NOT NULL,
    vector     BLOB    NOT NULL,
    UNIQUE (collection, name)
) STRICT;
CREATE INDEX vectors_by_version ON vectors (collection, version);

-- What was deleted in the last versions, for those who still hold it.
CREATE TABLE vector_removals (
    collection INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    PRIMARY KEY (collection, version, name)
) STRICT, WITHOUT ROWID;
