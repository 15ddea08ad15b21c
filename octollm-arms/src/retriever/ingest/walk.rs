//! Finds the files, on a thread of its own that stops when nobody listens any more.

use std::path::{Path, PathBuf};

use futures_util::Stream;
use futures_util::stream::poll_fn;
use ignore::{DirEntry, WalkBuilder};
use tokio::sync::mpsc;

use super::source;
use crate::retriever::extract::io_reason;

/// Something at or below a given path.
pub(super) struct Found {
    /// What it is called in the index.
    pub(super) source: String,
    /// Where it is, or why it cannot be looked at.
    pub(super) file: Result<PathBuf, Trouble>,
}

/// Why something is left out before it is opened.
pub(super) enum Trouble {
    /// It is there but cannot be read now.
    Unreadable(String),
    /// It is nothing to be read.
    Unfit(String),
}

/// The files at and below `roots`, by name; at most `ahead` of them wait to be taken.
pub(super) fn walk(roots: Vec<PathBuf>, ahead: usize) -> impl Stream<Item = Found> {
    let (sender, mut receiver) = mpsc::channel(ahead);
    tokio::task::spawn_blocking(move || {
        for found in roots.iter().flat_map(|root| below(root)) {
            if sender.blocking_send(found).is_err() {
                return;
            }
        }
    });
    poll_fn(move |context| receiver.poll_recv(context))
}

fn below(root: &Path) -> impl Iterator<Item = Found> + use<> {
    let fallback = source::name(root);
    let walk = WalkBuilder::new(root).require_git(false).sort_by_file_name(|a, b| a.cmp(b)).build();
    walk.filter_map(move |entry| match entry {
        Ok(entry) => found(&entry),
        Err(error) => {
            let source = path_of(&error).map_or_else(|| fallback.clone(), source::name);
            let reason = error.io_error().map_or_else(|| "cannot be read".to_owned(), io_reason);
            Some(Found { source, file: Err(Trouble::Unreadable(reason)) })
        }
    })
}

fn found(entry: &DirEntry) -> Option<Found> {
    let path = entry.path();
    let source = source::name(path);
    let kind = entry.file_type()?;
    if kind.is_file() || (entry.depth() == 0 && path.is_file()) {
        return Some(Found { source, file: Ok(path.to_owned()) });
    }
    if kind.is_dir() || entry.depth() == 0 {
        return None;
    }
    let reason =
        if kind.is_symlink() { "is a symbolic link, which is not followed" } else { "is not a regular file" };
    Some(Found { source, file: Err(Trouble::Unfit(reason.to_owned())) })
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}
