//! What the sandbox's first process and the caller say to each other: packets of one size over a socket pair.

use std::mem;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr;

use libc::c_int;

use super::sys::{self, Sys};
use crate::Layer;

/// A failure on the child's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) layer: Layer,
    pub(super) errno: c_int,
    /// Index into the plan's paths, or `NOWHERE`.
    pub(super) place: u32,
}

pub(super) const NOWHERE: u32 = u32::MAX;

/// Turns an `errno` into a failure of a layer.
pub(super) trait In<T> {
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
pub(super) enum Message {
    /// Child to caller: give me an identity.
    Ready,
    /// Caller to child: you have one.
    Go,
    /// Child to caller: everything is set up; comes with `/work` where there is one.
    Work,
    /// Child to caller: this layer is missing. Nothing has run.
    Failed(Failure),
    /// Child to caller: the program ended with this wait status; microseconds of processor time.
    Ended(c_int, u64),
}

const SIZE: usize = 24;
type Packet = [u8; SIZE];

impl Message {
    fn encode(self) -> Packet {
        let (kind, a, b, c) = match self {
            Self::Ready => (1, 0, 0, 0),
            Self::Go => (2, 0, 0, 0),
            Self::Work => (3, 0, 0, 0),
            Self::Failed(failure) => (4, failure.errno, u64::from(failure.place), failure.layer as u32),
            Self::Ended(status, time) => (5, status, time, 0),
        };
        let mut packet = [0; SIZE];
        let (head, tail) = packet.split_at_mut(8);
        head.copy_from_slice(&(u64::from(kind as u32) | (a as u32 as u64) << 32).to_ne_bytes());
        let (middle, end) = tail.split_at_mut(8);
        middle.copy_from_slice(&b.to_ne_bytes());
        end.copy_from_slice(&u64::from(c).to_ne_bytes());
        packet
    }

    fn decode(packet: &Packet) -> Option<Self> {
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(packet.get(at..at + 8)?);
            Some(u64::from_ne_bytes(bytes))
        };
        let (head, b, c) = (word(0)?, word(8)?, word(16)?);
        let a = (head >> 32) as u32 as c_int;
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
            _ => return None,
        })
    }
}

/// Says something. Allocates nothing, works under the seccomp filter, and raises no signal where nobody hears.
pub(super) fn say(fd: c_int, message: Message) -> Sys<()> {
    let packet = message.encode();
    // SAFETY: the pointer and the length are one array.
    let sent = unsafe { libc::send(fd, packet.as_ptr().cast(), SIZE, libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(sys::errno()) } else { Ok(()) }
}

/// Room for one descriptor beside a packet, aligned as the kernel wants it.
#[repr(align(8))]
struct Beside([u8; 32]);

/// Says something and hands over a descriptor.
pub(super) fn say_with(fd: c_int, message: Message, given: c_int) -> Sys<()> {
    let mut packet = message.encode();
    let mut beside = Beside([0; 32]);
    // SAFETY: `header` points at one vector over `packet` and at `beside`, which holds CMSG_SPACE of one descriptor (24
    // bytes) and is aligned for its header; all outlive the call.
    let sent = unsafe {
        let mut vector = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: SIZE };
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = beside.0.as_mut_ptr().cast();
        header.msg_controllen = libc::CMSG_SPACE(mem::size_of::<c_int>() as u32) as _;
        let part = libc::CMSG_FIRSTHDR(&raw const header);
        if part.is_null() {
            return Err(libc::EINVAL);
        }
        (*part).cmsg_level = libc::SOL_SOCKET;
        (*part).cmsg_type = libc::SCM_RIGHTS;
        (*part).cmsg_len = libc::CMSG_LEN(mem::size_of::<c_int>() as u32) as _;
        ptr::write_unaligned(libc::CMSG_DATA(part).cast::<c_int>(), given);
        libc::sendmsg(fd, &raw const header, libc::MSG_NOSIGNAL)
    };
    if sent < 0 { Err(sys::errno()) } else { Ok(()) }
}

/// What `hear` answers.
pub(super) enum Heard {
    /// A message, maybe with a descriptor.
    Message(Message, Option<OwnedFd>),
    /// The other side is gone.
    Nothing,
    /// Nothing is there to hear yet.
    Later,
}

/// Hears one message. `flags` may hold `MSG_DONTWAIT`.
pub(super) fn hear(fd: &impl std::os::fd::AsFd, flags: c_int) -> Sys<Heard> {
    let fd = fd.as_fd().as_raw_fd();
    let mut packet = [0; SIZE];
    let mut beside = Beside([0; 32]);
    // SAFETY: as in `say_with`, with everything writable. A descriptor that the kernel reports in a full header is new and
    // nobody else's.
    let (received, given) = unsafe {
        let mut vector = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: SIZE };
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = beside.0.as_mut_ptr().cast();
        header.msg_controllen = libc::CMSG_SPACE(mem::size_of::<c_int>() as u32) as _;
        let received = libc::recvmsg(fd, &raw mut header, flags | libc::MSG_CMSG_CLOEXEC);
        let part = if received < 0 { ptr::null_mut() } else { libc::CMSG_FIRSTHDR(&raw const header) };
        let is_one = !part.is_null()
            && (*part).cmsg_level == libc::SOL_SOCKET
            && (*part).cmsg_type == libc::SCM_RIGHTS
            && (*part).cmsg_len as usize == libc::CMSG_LEN(mem::size_of::<c_int>() as u32) as usize;
        let given =
            is_one.then(|| OwnedFd::from_raw_fd(ptr::read_unaligned(libc::CMSG_DATA(part).cast::<c_int>())));
        (received, given)
    };
    match received {
        -1 => match sys::errno() {
            libc::EAGAIN | libc::EINTR => Ok(Heard::Later),
            libc::ECONNRESET => Ok(Heard::Nothing),
            errno => Err(errno),
        },
        0 => Ok(Heard::Nothing),
        _ => Message::decode(&packet).map(|message| Heard::Message(message, given)).ok_or(libc::EPROTO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let (here, there) = sys::packet_pair().unwrap();
        let failures = Layer::ALL.map(|layer| Message::Failed(Failure { layer, errno: 13, place: NOWHERE }));
        let messages = [Message::Ready, Message::Go, Message::Work, Message::Ended(-1, u64::MAX)];
        for message in messages.into_iter().chain(failures) {
            say(here.as_raw_fd(), message).unwrap();
            assert!(
                matches!(hear(&there, 0), Ok(Heard::Message(heard, None)) if heard == message),
                "{message:?}"
            );
        }
        assert!(matches!(hear(&there, libc::MSG_DONTWAIT), Ok(Heard::Later)));
        drop(here);
        assert!(matches!(hear(&there, 0), Ok(Heard::Nothing)));
    }

    #[test]
    fn a_descriptor_goes_along() {
        let (here, there) = sys::packet_pair().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        say_with(here.as_raw_fd(), Message::Work, writer.as_raw_fd()).unwrap();
        drop(writer);
        let Ok(Heard::Message(Message::Work, Some(given))) = hear(&there, 0) else { panic!("no descriptor") };
        sys::write_all(given.as_raw_fd(), b"x").unwrap();
        drop(given);
        assert_eq!(std::io::read_to_string(reader).unwrap(), "x");
    }

    #[test]
    fn noise_is_no_message() {
        assert_eq!(Message::decode(&[0; SIZE]), None);
        assert_eq!(Message::decode(&[255; SIZE]), None);
        let (here, there) = sys::packet_pair().unwrap();
        sys::write_all(here.as_raw_fd(), b"short").unwrap();
        assert!(hear(&there, 0).is_err());
    }
}
