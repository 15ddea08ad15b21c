//! What the sandbox's first process and the caller say to each other: packets of one size.

use super::call::Sys;
use super::sys;
use crate::Layer;

/// A failure on the first process's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) layer: Layer,
    pub(crate) errno: i32,
    /// Index into the caller's paths, or `NOWHERE`.
    pub(crate) place: u32,
}

pub(crate) const NOWHERE: u32 = u32::MAX;

/// Turns an `errno` into a failure of a layer.
pub(crate) trait In<T> {
    fn layer(self, layer: Layer) -> Result<T, Failure>;
    fn place(self, layer: Layer, place: u32) -> Result<T, Failure>;
}

impl<T> In<T> for Sys<T> {
    fn layer(self, layer: Layer) -> Result<T, Failure> {
        self.place(layer, NOWHERE)
    }

    fn place(self, layer: Layer, place: u32) -> Result<T, Failure> {
        self.map_err(|errno| Failure { layer, errno, place })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// To the caller: give me an identity.
    Ready,
    /// From the caller: you have one.
    Go,
    /// To the caller: here is the socket that listens on the sandbox's own loopback.
    Listening,
    /// To the caller: everything is set up; comes with `/work` where there is one.
    Work,
    /// To the caller: this layer is missing. Nothing has run.
    Failed(Failure),
    /// To the caller: the program ended with this wait status; microseconds of processor time.
    Ended(i32, u64),
}

pub(crate) const SIZE: usize = 24;
pub(crate) type Packet = [u8; SIZE];

impl Message {
    pub(crate) fn encode(self) -> Packet {
        let (kind, a, b, c) = match self {
            Self::Ready => (1_u32, 0, 0, 0),
            Self::Go => (2, 0, 0, 0),
            Self::Work => (3, 0, 0, 0),
            Self::Failed(failure) => (4, failure.errno, u64::from(failure.place), failure.layer as u32),
            Self::Ended(status, time) => (5, status, time, 0),
            Self::Listening => (6, 0, 0, 0),
        };
        let mut packet = [0; SIZE];
        let words = [u64::from(kind) | (a as u32 as u64) << 32, b, u64::from(c)];
        for (to, word) in packet.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        packet
    }

    pub(crate) fn decode(packet: &Packet) -> Option<Self> {
        let mut words =
            packet.chunks_exact(8).filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes));
        let (head, b, c) = (words.next()?, words.next()?, words.next()?);
        let a = (head >> 32) as u32 as i32;
        Some(match head as u32 {
            1 => Self::Ready,
            2 => Self::Go,
            3 => Self::Work,
            4 => Self::Failed(Failure {
                layer: Layer::ALL.into_iter().find(|layer| *layer as u64 == c)?,
                errno: a,
                place: b as u32,
            }),
            5 => Self::Ended(a, b),
            6 => Self::Listening,
            _ => return None,
        })
    }
}

/// Says something. Works under the seccomp filter.
pub(crate) fn say(channel: i32, message: Message) -> Sys<()> {
    sys::send(channel, &message.encode())
}

/// Says something and hands over a descriptor.
pub(crate) fn say_with(channel: i32, message: Message, given: i32) -> Sys<()> {
    sys::send_with(channel, &message.encode(), given)
}
