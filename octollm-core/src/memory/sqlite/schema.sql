-- The tables of tasks, knowledge and arms. Times are microseconds since 1970; ids are the 16 bytes of a UUID.

-- The journal. Clustered on `position`, so that appending writes at the end of the file whatever the task; the narrow
-- index finds a task's events again and fences off a second writer.
CREATE TABLE action_log (
    position       INTEGER PRIMARY KEY,
    task_id        BLOB    NOT NULL,
    seq            INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    action_type    TEXT    NOT NULL,
    arm_id         TEXT,
    step           INTEGER,
    action_details TEXT    NOT NULL,
    success        INTEGER,
    duration_ms    INTEGER
) STRICT;
CREATE UNIQUE INDEX action_log_by_task ON action_log (task_id, seq);

-- A cache of the fold over each task's events; `rebuild` recreates it. A later migration makes it a view.
CREATE TABLE task_history (
    task_id        BLOB NOT NULL PRIMARY KEY,
    goal           TEXT NOT NULL,
    request        TEXT,
    status         TEXT NOT NULL,
    plan           TEXT,
    results        TEXT,
    success        INTEGER,
    error          TEXT,
    duration_ms    INTEGER,
    confidence     REAL,
    cost_tokens    INTEGER NOT NULL,
    cost_usd       REAL NOT NULL,
    priority       TEXT NOT NULL,
    parent_task_id BLOB,
    metadata       TEXT NOT NULL,
    owner          BLOB,
    lease_until    INTEGER,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    completed_at   INTEGER
) STRICT;
CREATE INDEX task_history_by_status ON task_history (status, task_id);
CREATE INDEX task_history_by_parent ON task_history (parent_task_id, task_id) WHERE parent_task_id IS NOT NULL;
CREATE INDEX task_history_by_end ON task_history (completed_at, task_id) WHERE completed_at IS NOT NULL;

-- Hashes of callers' idempotency keys. Not in the log, so kept apart from what is rebuilt out of it.
CREATE TABLE idempotency_keys (
    key     BLOB NOT NULL PRIMARY KEY,
    task_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_task ON idempotency_keys (task_id);

CREATE TABLE entities (
    id          BLOB NOT NULL PRIMARY KEY,
    entity_type TEXT NOT NULL,
    name        TEXT NOT NULL,
    properties  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    UNIQUE (name, entity_type)
) STRICT;

CREATE TABLE relationships (
    id                BLOB NOT NULL PRIMARY KEY,
    from_entity_id    BLOB NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    to_entity_id      BLOB NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    relationship_type TEXT NOT NULL,
    properties        TEXT NOT NULL,
    strength          REAL NOT NULL,
    created_at        INTEGER NOT NULL,
    UNIQUE (from_entity_id, to_entity_id, relationship_type)
) STRICT;
CREATE INDEX relationships_by_target ON relationships (to_entity_id);

CREATE TABLE arm_stats (
    arm_id          TEXT NOT NULL PRIMARY KEY,
    total           INTEGER NOT NULL,
    success         INTEGER NOT NULL,
    avg_duration_ms REAL NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
