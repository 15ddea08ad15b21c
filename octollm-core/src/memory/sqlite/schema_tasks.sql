-- A task's request, plan and result are in the log. They stood in its row as well, which is written again whenever its status
-- changes: half of what a task with a large plan wrote to disk. So a row keeps what tasks are listed and taken over by, and
-- `task_history` is a view that takes the rest from the log.
CREATE TABLE tasks (
    task_id        BLOB NOT NULL PRIMARY KEY,
    goal           TEXT NOT NULL,
    status         TEXT NOT NULL,
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
INSERT INTO tasks
SELECT task_id, goal, status, success, error, duration_ms, confidence, cost_tokens, cost_usd, priority, parent_task_id,
       metadata, owner, lease_until, created_at, updated_at, completed_at
FROM task_history;
DROP TABLE task_history;
CREATE INDEX tasks_by_status ON tasks (status, task_id);
CREATE INDEX tasks_by_parent ON tasks (parent_task_id, task_id) WHERE parent_task_id IS NOT NULL;
CREATE INDEX tasks_by_end ON tasks (completed_at, task_id) WHERE completed_at IS NOT NULL;

CREATE VIEW task_history AS
SELECT task_id,
       goal,
       (SELECT action_details -> '$.request' FROM action_log AS log
        WHERE log.task_id = tasks.task_id AND log.seq = 1) AS request,
       status,
       (SELECT action_details -> '$.plan' FROM action_log AS log
        WHERE log.task_id = tasks.task_id AND log.action_type IN ('plan.created', 'plan.revised')
        ORDER BY log.seq DESC LIMIT 1) AS plan,
       (SELECT action_details -> '$.result' FROM action_log AS log
        WHERE log.task_id = tasks.task_id AND log.action_type = 'task.completed'
        ORDER BY log.seq DESC LIMIT 1) AS results,
       success, error, duration_ms, confidence, cost_tokens, cost_usd, priority, parent_task_id, metadata, owner,
       lease_until, created_at, updated_at, completed_at
FROM tasks;
