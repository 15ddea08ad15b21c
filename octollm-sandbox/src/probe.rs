//! What this machine gives, found out by trying: for `doctor`.

use crate::{Command, Control, Layer, Level, Sandbox, SandboxError};

/// Whether a layer is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was set up just now.
    Available,
    /// It could not be set up.
    Missing(SandboxError),
    /// An earlier layer is missing, so it was not tried.
    NotReached,
}

impl Sandbox {
    /// Runs `/bin/true` in the sandbox and answers, layer by layer, how far it came. Takes some milliseconds and blocks.
    pub fn probe(&self) -> Vec<(Layer, Status)> {
        let failure = self.run(&Command::new("/bin/true"), &Control::default()).err();
        self.layers().map(|layer| (layer, status(layer, failure.as_ref()))).collect()
    }

    /// The layers that this sandbox has, in order.
    pub fn layers(&self) -> impl Iterator<Item = Layer> + use<> {
        let level = self.level;
        Layer::ALL.into_iter().filter(move |layer| match layer {
            Layer::Namespaces | Layer::Mounts => level == Level::Full,
            Layer::User | Layer::Privileges | Layer::Landlock | Layer::Seccomp => level != Level::None,
            _ => true,
        })
    }
}

fn status(layer: Layer, failure: Option<&SandboxError>) -> Status {
    match failure {
        Some(error) if error.layer() == layer => Status::Missing(error.clone()),
        Some(error) if error.layer() < layer => Status::NotReached,
        _ => Status::Available,
    }
}
