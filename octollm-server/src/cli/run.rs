//! `run`: one task, from its goal to its answer.

use octollm_core::orchestrator::Submission;

use super::App;
use super::args::RunArgs;
use super::exit::{Exit, Outcome};
use super::follow::{Follow, Show};
use super::{documents, interrupt, request};
use crate::session::{LocalOptions, Session};
use crate::store;

/// Runs a task and prints what came of it.
pub(super) async fn run(app: &App, args: &RunArgs) -> Outcome {
    let request = request::build(args)?;
    let interrupt = interrupt::listen();
    let options = LocalOptions { arms: Some(args.arm.clone()), take_over: false, ..LocalOptions::default() };
    let session = Session::at(args.place.server.as_deref(), &app.settings, &options).await?;
    let follow = Follow {
        orchestrator: session.orchestrator(),
        interrupt: &interrupt,
        output: app.output,
        show: show(args),
    };
    let outcome = async {
        if let (Some(store), false) = (session.store(), args.docs.is_empty()) {
            let paths = store::absolute(&args.docs)?;
            if documents::ingest(app.output, store, &paths, &interrupt).await?.is_none() {
                return Ok(Exit::Interrupted);
            }
        }
        let submission = Submission { fresh: args.no_cache, ..Submission::from(request) };
        let (response, events) = follow.orchestrator.stream(submission).await?;
        follow.task(response.task_id, events).await
    }
    .await;
    let closed = session.close().await;
    let exit = outcome?;
    closed?;
    Ok(exit)
}

fn show(args: &RunArgs) -> Show {
    match (args.json, args.events) {
        (true, _) => Show::Json,
        (_, true) => Show::Events,
        _ => Show::Answer,
    }
}
