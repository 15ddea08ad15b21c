//! What every [`DocumentStore`] does.
