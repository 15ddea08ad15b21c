-- What tasks' placeholders stand for, sealed; the key is kept elsewhere. `number` is the `seq` of the first event that a part
-- came with.
CREATE TABLE vault_parts (
    task_id BLOB    NOT NULL,
    number  INTEGER NOT NULL,
    sealed  BLOB    NOT NULL,
    PRIMARY KEY (task_id, number)
) STRICT, WITHOUT ROWID;
