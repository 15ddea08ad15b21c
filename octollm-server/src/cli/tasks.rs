//! `tasks`: looks at tasks and decides about them, in this computer's store or on a server.
//!
//! Looking never runs anything: an unfinished task goes on only when it is asked to (`resume`, `approve`) or served.

use std::time::Duration;

use octollm_core::memory::{PrunePolicy, TaskFilter};
use octollm_core::orchestrator::Decision;
use octollm_core::task::{EventKind, TaskStatus};
use octollm_core::{Result, TaskId, TaskResult};

use super::App;
use super::approval::Questions;
use super::args::{ListArgs, Place, TasksCommand};
use super::exit::{Exit, Outcome};
use super::follow::{Follow, Show};
use super::interrupt;
use super::render::{self, Reactions};
use crate::session::{LocalOptions, Session};
use crate::store::Store;

/// Events that are read at once.
const PAGE: usize = 500;

/// Runs one of the commands.
pub(super) async fn run(app: &App, command: &TasksCommand) -> Outcome {
    match command {
        TasksCommand::List(args) => list(app, args).await,
        TasksCommand::Show { id, json, place } => show(app, place, *id, *json).await,
        TasksCommand::Events { id, after, place } => events(app, place, *id, *after).await,
        TasksCommand::Cancel { id, reason, place } => cancel(app, place, *id, reason).await,
        TasksCommand::Approve { id, step, deny, note, arm, place } => {
            let decision = Decision { step: *step, approved: !deny, note: note.clone() };
            approve(app, place, arm, *id, decision).await
        }
        TasksCommand::Resume { id, arm } => resume(app, arm, *id).await,
        TasksCommand::Rebuild => rebuild(app).await,
        TasksCommand::Prune { older_than, keep } => prune(app, *older_than, *keep).await,
    }
}

async fn open(app: &App, place: &Place) -> Result<Session> {
    Session::at(place.server.as_deref(), &app.settings, &LocalOptions::default()).await
}

async fn list(app: &App, args: &ListArgs) -> Outcome {
    let session = open(app, &args.place).await?;
    let filter = TaskFilter {
        status: args.status,
        priority: args.priority.map(Into::into),
        metadata: args.metadata.iter().cloned().collect(),
        limit: Some(args.limit as usize),
        cursor: args.cursor.clone(),
        ..TaskFilter::default()
    };
    let page = session.orchestrator().list(filter).await;
    session.close().await?;
    let page = page?;
    if args.json {
        app.output.json(&page)?;
        return Ok(Exit::Completed);
    }
    for task in &page.tasks {
        app.output.line(render::summary(task))?;
    }
    if let Some(cursor) = &page.next {
        app.output.remark(format!("more with --cursor {cursor}"));
    }
    Ok(Exit::Completed)
}

async fn show(app: &App, place: &Place, id: TaskId, json: bool) -> Outcome {
    let session = open(app, place).await?;
    let looked = task_and_questions(&session, id).await;
    let reactions = reactions(&session, id).await;
    session.close().await?;
    let ((result, questions), reactions) = (looked?, reactions?);
    if json {
        app.output.json(&result)?;
    } else {
        app.output.line(render::task(app.output, &result, &reactions))?;
    }
    if let (Some(questions), false) = (questions, json) {
        app.output.line(format!("\n{}", questions.text()))?;
    }
    Ok(Exit::Completed)
}

/// What the reflexes did about the task.
async fn reactions(session: &Session, id: TaskId) -> Result<Reactions> {
    let (mut reactions, mut after) = (Reactions::default(), 0);
    loop {
        let page = session.orchestrator().journal(id, after, PAGE).await?;
        for event in &page {
            reactions.answered |= event.kind.is_earlier_answer();
            let EventKind::ReflexReacted { found, .. } = &event.kind else { continue };
            for (type_name, count) in found {
                *reactions.found.entry(type_name.clone()).or_default() += count;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.seq,
            _ => return Ok(reactions),
        }
    }
}

async fn task_and_questions(session: &Session, id: TaskId) -> Result<(TaskResult, Option<Questions>)> {
    let result = session.orchestrator().task(id).await?;
    let waits = result.status == TaskStatus::AwaitingApproval;
    let questions = if waits { Some(questions(session, id).await?) } else { None };
    Ok((result, questions))
}

/// What the task waits for, out of its journal.
async fn questions(session: &Session, id: TaskId) -> Result<Questions> {
    let (mut questions, mut after) = (Questions::default(), 0);
    loop {
        let page = session.orchestrator().journal(id, after, PAGE).await?;
        page.iter().for_each(|event| questions.observe(event));
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.seq,
            _ => return Ok(questions),
        }
    }
}

async fn events(app: &App, place: &Place, id: TaskId, after: u64) -> Outcome {
    let session = open(app, place).await?;
    let mut after = after;
    loop {
        let page = session.orchestrator().journal(id, after, PAGE).await?;
        for event in &page {
            app.output.json_line(event)?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.seq,
            _ => break,
        }
    }
    session.close().await?;
    Ok(Exit::Completed)
}

async fn cancel(app: &App, place: &Place, id: TaskId, reason: &str) -> Outcome {
    let session = open(app, place).await?;
    let result = session.orchestrator().cancel(id, reason).await;
    session.close().await?;
    let result = result?;
    app.output.line(format!("{id} is {}", result.status.as_str()))?;
    Ok(Exit::Completed)
}

async fn approve(app: &App, place: &Place, arms: &[String], id: TaskId, decision: Decision) -> Outcome {
    let options = LocalOptions { arms: Some(arms.to_vec()), take_over: false, ..LocalOptions::default() };
    let session = Session::at(place.server.as_deref(), &app.settings, &options).await?;
    let outcome = match session.orchestrator().decide(id, decision).await {
        Ok(_) => see_through(app, &session, id).await,
        Err(error) => Err(error.into()),
    };
    session.close().await?;
    outcome
}

async fn resume(app: &App, arms: &[String], id: Option<TaskId>) -> Outcome {
    let options =
        LocalOptions { arms: Some(arms.to_vec()), take_over: id.is_none(), ..LocalOptions::default() };
    let session = Session::local(&app.settings, &options).await?;
    let outcome = match id {
        Some(id) => match session.resume(id).await {
            Ok(_) => see_through(app, &session, id).await,
            Err(error) => Err(error.into()),
        },
        None => see_all_through(app, &session).await,
    };
    session.close().await?;
    outcome
}

/// Follows a task to its end or to the next question.
async fn see_through(app: &App, session: &Session, id: TaskId) -> Outcome {
    let interrupt = interrupt::listen();
    let follow = Follow {
        orchestrator: session.orchestrator(),
        interrupt: &interrupt,
        output: app.output,
        show: Show::Answer,
    };
    let last = last_event(session, id).await?;
    let events = session.orchestrator().events(id, last).await?;
    // What was asked before anybody followed is not asked again.
    match task_and_questions(session, id).await? {
        (result, Some(questions)) => follow.stands(&result, &questions),
        (_, None) => follow.task(id, events).await,
    }
}

/// The number of the task's last event, so that only what is new is shown.
async fn last_event(session: &Session, id: TaskId) -> Result<u64> {
    let mut last = 0;
    loop {
        let page = session.orchestrator().journal(id, last, PAGE).await?;
        match page.last() {
            Some(event) => last = event.seq,
            None => return Ok(last),
        }
    }
}

/// Follows every unfinished task; the worst of their ends is the end of this.
async fn see_all_through(app: &App, session: &Session) -> Outcome {
    let mut worst = Exit::Completed;
    for id in unfinished(session).await? {
        app.output.remark(format!("going on with {id}"));
        let exit = see_through(app, session, id).await?;
        if exit as u8 > worst as u8 {
            worst = exit;
        }
    }
    Ok(worst)
}

async fn unfinished(session: &Session) -> Result<Vec<TaskId>> {
    let mut ids = Vec::new();
    let mut filter = TaskFilter { limit: Some(1000), ..TaskFilter::default() };
    loop {
        let page = session.orchestrator().list(filter.clone()).await?;
        ids.extend(page.tasks.iter().filter(|task| !task.status.is_terminal()).map(|task| task.task_id));
        match page.next {
            Some(cursor) => filter.cursor = Some(cursor),
            None => return Ok(ids),
        }
    }
}

async fn rebuild(app: &App) -> Outcome {
    let store = Store::open_without_model(&app.settings.config).await?;
    let rebuilt = store.memory.journal.rebuild().await;
    store.close().await?;
    app.output.line(format!("{} tasks listed again from the journal", rebuilt?))?;
    Ok(Exit::Completed)
}

async fn prune(app: &App, older_than: Option<Duration>, keep: Option<u64>) -> Outcome {
    let store = Store::open_without_model(&app.settings.config).await?;
    let pruned = store.memory.journal.prune(&PrunePolicy { older_than, keep_newest: keep }).await;
    store.close().await?;
    let pruned = pruned?;
    app.output.line(format!("{} tasks and {} events dropped", pruned.tasks, pruned.events))?;
    Ok(Exit::Completed)
}
