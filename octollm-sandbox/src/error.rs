//! The error that says which layer is missing.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::Layer;

/// A layer that could not be set up, so that nothing was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxError {
    layer: Layer,
    errno: Option<i32>,
    path: Option<PathBuf>,
}

impl SandboxError {
    pub(crate) const fn new(layer: Layer) -> Self {
        Self { layer, errno: None, path: None }
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub(crate) fn errno_of(layer: Layer, errno: i32) -> Self {
        Self { layer, errno: Some(errno), path: None }
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub(crate) fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The layer that is missing.
    pub const fn layer(&self) -> Layer {
        self.layer
    }

    /// What the kernel answered, as a number of `errno.h`.
    pub const fn errno(&self) -> Option<i32> {
        self.errno
    }

    /// The path that it was about.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What an operator can do about it.
    pub const fn hint(&self) -> &'static str {
        /// Of Linux, on every processor.
        const E2BIG: i32 = 7;
        match (self.layer, self.errno) {
            (Layer::Start, Some(E2BIG)) => {
                "arguments and variables are too long: 131071 bytes each at most, and a quarter of the stack's limit \
                 together"
            }
            (layer, _) => layer.hint(),
        }
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sandbox's layer `{}` is not available", self.layer)?;
        if let Some(path) = &self.path {
            write!(f, " ({})", path.display())?;
        }
        match self.errno {
            Some(errno) => write!(f, ": {}", io::Error::from_raw_os_error(errno)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SandboxError {}
