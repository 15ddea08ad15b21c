//! The caller's side of what it and the sandbox's first process say to each other.

use std::mem;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr;

use libc::c_int;

use super::inside::wire::{Message, SIZE};
use super::sys::{self, Sys};

/// Room for one descriptor beside a packet, aligned as the kernel wants it.
#[repr(align(8))]
struct Beside([u8; 32]);

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
    // SAFETY: `header` points at one vector over `packet` and at `beside`, which holds CMSG_SPACE of one descriptor (24
    // bytes) and is aligned for its header; all are writable and outlive the call. A descriptor that the kernel reports in a full header is new and
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
    use super::super::inside::wire::{Failure, NOWHERE, say, say_with};
    use super::*;
    use crate::Layer;

    #[test]
    fn what_is_said_is_heard() {
        let (here, there) = sys::packet_pair().unwrap();
        let failures = Layer::ALL.map(|layer| Message::Failed(Failure { layer, errno: 13, place: NOWHERE }));
        let messages =
            [Message::Ready, Message::Go, Message::Listening, Message::Work, Message::Ended(-1, u64::MAX)];
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
        std::io::Write::write_all(&mut std::fs::File::from(given), b"x").unwrap();
        assert_eq!(std::io::read_to_string(reader).unwrap(), "x");
    }

    #[test]
    fn noise_is_no_message() {
        assert_eq!(Message::decode(&[0; SIZE]), None);
        assert_eq!(Message::decode(&[255; SIZE]), None);
        let (here, there) = sys::packet_pair().unwrap();
        std::io::Write::write_all(&mut std::fs::File::from(here), b"short").unwrap();
        assert!(hear(&there, 0).is_err());
    }
}
