//! For tests, of this library and of those who build on it. Feature `testing`.

#[cfg(feature = "http")]
pub mod fault_server;
