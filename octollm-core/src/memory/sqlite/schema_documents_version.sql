-- How often what can be found among the documents was changed: an answer that rests on them is as old as this number.
-- Vectors come after their documents, and change what is found once more. What arms and plans remember does not count: it
-- grows with every task.

CREATE TABLE documents_version (
    version INTEGER NOT NULL
) STRICT;
INSERT INTO documents_version (version) VALUES (0);

CREATE TRIGGER documents_change AFTER UPDATE OF state ON documents
WHEN (old.state = 1) <> (new.state = 1)
BEGIN
    UPDATE documents_version SET version = version + 1;
END;

CREATE TRIGGER documents_change_of_vectors AFTER UPDATE OF name, version ON vector_collections
WHEN old.name NOT IN ('coder_memory', 'planner_memory')
BEGIN
    UPDATE documents_version SET version = version + 1;
END;
