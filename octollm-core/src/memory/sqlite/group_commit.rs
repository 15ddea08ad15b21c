//! The queue in front of the journal: appends of many tasks share one transaction, and so one flush of the disk.
//!
//! While one transaction is being flushed the next appends gather; the busier the engine, the more share a flush. An
//! append that has entered the queue is written whole whether or not its caller still waits. A key that is taken fails
//! the append that brought it and no other; a disk that is full fails all that were to be written, and the queue goes on.

use std::sync::Arc;

use sqlx::SqliteConnection;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::error::{closed, is_of_one_append, is_taken, storage};
use super::rows::Rows;
use super::{lock, statements};
use crate::error::{Error, Result};
use crate::memory::journal::taken;

/// Appends that wait; whoever brings more waits for a place.
const QUEUE: usize = 1024;

/// Events that one transaction has, if one append does not bring more.
const MOST_EVENTS: usize = 1024;

const APPENDING: &str = "cannot append to the journal";

/// Takes appends and answers each when it is durable.
pub(super) struct CommitQueue {
    jobs: mpsc::Sender<Job>,
    closing: CancellationToken,
    committer: TaskTracker,
}

struct Job {
    rows: Rows,
    done: oneshot::Sender<Result<()>>,
}

impl CommitQueue {
    /// A queue in front of this connection.
    pub(super) fn start(connection: Arc<Mutex<Option<SqliteConnection>>>) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let closing = CancellationToken::new();
        let committer = TaskTracker::new();
        committer.spawn(commit_all(jobs, connection, closing.clone()));
        committer.close();
        Self { jobs: sender, closing, committer }
    }

    /// Writes the rows and returns once they are durable. Dropped while it waits for a place it writes nothing; later
    /// it writes everything.
    pub(super) async fn submit(&self, rows: Rows) -> Result<()> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(Job { rows, done }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Takes no more, and returns once everything that was taken is written.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.committer.wait().await;
    }
}

async fn commit_all(
    mut jobs: mpsc::Receiver<Job>,
    connection: Arc<Mutex<Option<SqliteConnection>>>,
    closing: CancellationToken,
) {
    let mut waiting = Vec::with_capacity(QUEUE);
    loop {
        tokio::select! {
            biased;
            () = closing.cancelled(), if !jobs.is_closed() => jobs.close(),
            taken = jobs.recv_many(&mut waiting, QUEUE) => if taken == 0 { return },
        }
        gather(&mut jobs, &mut waiting).await;
        while !waiting.is_empty() {
            let batch: Vec<Job> = waiting.drain(..batch_len(&waiting)).collect();
            commit(&connection, batch).await;
        }
    }
}

/// Lets every task that is ready bring its append first: those that the commit before has just woken up, above all.
async fn gather(jobs: &mut mpsc::Receiver<Job>, waiting: &mut Vec<Job>) {
    tokio::task::yield_now().await;
    while waiting.len() < QUEUE {
        let Ok(job) = jobs.try_recv() else { return };
        waiting.push(job);
    }
}

/// How many of the first jobs make up a transaction.
fn batch_len(waiting: &[Job]) -> usize {
    let mut events = 0;
    let fits = waiting.iter().take_while(|job| {
        events += job.rows.events.len();
        events <= MOST_EVENTS
    });
    fits.count().max(1)
}

async fn commit(connection: &Mutex<Option<SqliteConnection>>, batch: Vec<Job>) {
    let answers = match lock(connection).await {
        Ok(mut connection) => write(&mut connection, &batch).await,
        Err(_) => batch.iter().map(|_| Err(closed())).collect(),
    };
    for (job, answer) in batch.into_iter().zip(answers) {
        // A caller that is gone needs no answer.
        drop(job.done.send(answer));
    }
}

/// Writes the batch and answers for each of its appends.
async fn write(connection: &mut SqliteConnection, batch: &[Job]) -> Vec<Result<()>> {
    let mut outcome = write_together(connection, batch).await;
    if let Err(error) = &outcome {
        roll_back(connection).await;
        if batch.len() > 1 && is_of_one_append(error) {
            match write_apart(connection, batch).await {
                Ok(answers) => return answers,
                Err(error) => {
                    roll_back(connection).await;
                    outcome = Err(error);
                }
            }
        }
    }
    batch.iter().map(|_| outcome.as_ref().copied().map_err(refused)).collect()
}

async fn write_together(connection: &mut SqliteConnection, batch: &[Job]) -> sqlx::Result<()> {
    if let [job] = batch
        && job.rows.events.len() <= statements::MOST_ROWS
    {
        return statements::insert_one(connection, &job.rows, "BEGIN IMMEDIATE;", "COMMIT;").await;
    }
    let rows: Vec<&Rows> = batch.iter().map(|job| &job.rows).collect();
    statements::run(connection, "BEGIN IMMEDIATE").await?;
    statements::insert_all(connection, &rows).await?;
    statements::run(connection, "COMMIT").await
}

/// Writes the batch in one transaction out of which an append that fails is taken back alone.
async fn write_apart(connection: &mut SqliteConnection, batch: &[Job]) -> sqlx::Result<Vec<Result<()>>> {
    let mut answers = Vec::with_capacity(batch.len());
    statements::run(connection, "BEGIN IMMEDIATE").await?;
    for job in batch {
        let written = statements::insert_one(connection, &job.rows, "SAVEPOINT one;", "RELEASE one;").await;
        answers.push(match written {
            Ok(()) => Ok(()),
            Err(error) if is_of_one_append(&error) => {
                statements::run(connection, "ROLLBACK TO one").await?;
                statements::run(connection, "RELEASE one").await?;
                Err(refused(&error))
            }
            Err(error) => return Err(error),
        });
    }
    statements::run(connection, "COMMIT").await?;
    Ok(answers)
}

/// Ends a transaction that failed; where SQLite has ended it itself, this fails and that is no matter.
async fn roll_back(connection: &mut SqliteConnection) {
    drop(statements::run(connection, "ROLLBACK").await);
}

fn refused(error: &sqlx::Error) -> Error {
    if is_taken(error) { taken() } else { storage(APPENDING, error) }
}
