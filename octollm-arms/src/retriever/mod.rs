//! retriever
mod chunk;
mod extract;
mod markdown;
mod words;
