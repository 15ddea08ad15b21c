//! HTTP requests by policy, to addresses that were checked.
//!
//! A name in a policy is not enough: whoever owns the name decides where it points, and may let it point at this machine,
//! at the network behind it, or at a cloud's metadata service. So each hop is resolved once, every address that comes back
//! is checked, and the connection goes to exactly those addresses, without a second look-up that could answer something
//! else. A redirect is a new hop: the policy and the addresses are checked again, and no header of the hop before is sent.

mod address;
mod fetch;
mod resolve;
#[cfg(test)]
#[cfg(target_os = "linux")]
pub(super) mod tests;

pub(super) use fetch::{Fetched, Fetcher, Terms};
pub(super) use resolve::target;
pub use resolve::{Resolve, SystemResolver};
