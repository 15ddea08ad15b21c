//! What tests of this library and of programs around it need: real faults on real sockets.

mod fault_server;

pub use fault_server::{FaultServer, Reply, Request};
