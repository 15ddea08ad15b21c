//! The plan as the first process reads it: one piece of memory that holds everything, in the order in which `pack` writes
//! it. Words of eight bytes; a text is its length with the zero at its end, and its bytes, filled up to the next word.
//! Whoever wrote it is trusted; still nothing outside of it is read.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::slice;

use super::abi;
use super::call::Sys;
use super::sys::Strings;
use super::wire::{Failure, In as _};
use crate::{Layer, Level};

/// A place in the plan's memory, which lives as long as the process.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    at: *mut u8,
    left: usize,
}

impl Reader {
    /// # Safety
    /// The memory is writable, aligned to eight bytes, nobody else's, and stays for ever.
    pub(crate) unsafe fn new(at: *mut u8, length: usize) -> Self {
        Self { at, left: length }
    }

    fn skip(&mut self, bytes: usize) -> Sys<*mut u8> {
        let padded = bytes.checked_next_multiple_of(8).ok_or(abi::EPROTO)?;
        self.left = self.left.checked_sub(padded).ok_or(abi::EPROTO)?;
        let at = self.at;
        self.at = at.wrapping_add(padded);
        Ok(at)
    }

    pub(crate) fn number(&mut self) -> Sys<u64> {
        let at = self.skip(8)?;
        // SAFETY: `skip` has seen that eight bytes are there, and everything is aligned to that.
        Ok(unsafe { at.cast::<u64>().read() })
    }

    fn word(&mut self) -> Sys<u32> {
        self.number().map(|number| number as u32)
    }

    pub(crate) fn bytes(&mut self) -> Sys<&'static [u8]> {
        let length = self.number()? as usize;
        let at = self.skip(length)?;
        // SAFETY: `skip` has seen that they are there; they stay, and nothing writes to them.
        Ok(unsafe { slice::from_raw_parts(at, length) })
    }

    pub(crate) fn text(&mut self) -> Sys<&'static CStr> {
        CStr::from_bytes_with_nul(self.bytes()?).map_err(|_| abi::EPROTO)
    }

    /// A list for `execve`: room for its pointers, then the texts that they will point at.
    fn strings(&mut self) -> Sys<Strings> {
        let count = self.number()? as usize;
        let room = count.checked_add(1).and_then(|count| count.checked_mul(8)).ok_or(abi::EPROTO)?;
        let pointers = self.skip(room)?.cast::<*const c_char>();
        for index in 0..count {
            let text = self.text()?.as_ptr();
            // SAFETY: `skip` has seen that there is room for one more than `count`, and nobody else has this memory.
            unsafe { pointers.add(index).write(text) };
        }
        Ok(pointers)
    }

    fn list<T: Read>(&mut self) -> Sys<List<T>> {
        let count = self.number()?;
        let list = List { first: *self, left: count, kind: PhantomData };
        for _ in 0..count {
            T::read(self)?;
        }
        Ok(list)
    }
}

pub(crate) trait Read: Sized {
    fn read(reader: &mut Reader) -> Sys<Self>;
}

/// Can be gone through more than once.
pub(crate) struct List<T> {
    first: Reader,
    left: u64,
    kind: PhantomData<T>,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self { first: self.first, left: self.left, kind: PhantomData }
    }
}

impl<T: Read> Iterator for List<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        T::read(&mut self.first).ok()
    }
}

impl Read for &'static CStr {
    fn read(reader: &mut Reader) -> Sys<Self> {
        reader.text()
    }
}

impl Read for &'static [u8] {
    fn read(reader: &mut Reader) -> Sys<Self> {
        reader.bytes()
    }
}

/// What kind of thing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File,
    Device,
}

/// Something of the machine, shown in the new root.
pub(crate) struct Bind {
    pub(crate) source: &'static CStr,
    pub(crate) target: &'static CStr,
    pub(crate) folders: List<&'static CStr>,
    pub(crate) kind: Kind,
    pub(crate) place: u32,
}

impl Read for Bind {
    fn read(reader: &mut Reader) -> Sys<Self> {
        Ok(Self {
            source: reader.text()?,
            target: reader.text()?,
            folders: reader.list()?,
            kind: match reader.number()? {
                0 => Kind::Folder,
                1 => Kind::File,
                2 => Kind::Device,
                _ => return Err(abi::EPROTO),
            },
            place: reader.word()?,
        })
    }
}

/// A link: where to, and its name.
pub(crate) struct Link {
    pub(crate) target: &'static CStr,
    pub(crate) name: &'static CStr,
}

impl Read for Link {
    fn read(reader: &mut Reader) -> Sys<Self> {
        Ok(Self { target: reader.text()?, name: reader.text()? })
    }
}

/// A file to be made.
pub(crate) struct Given {
    pub(crate) folders: List<&'static CStr>,
    pub(crate) path: &'static CStr,
    pub(crate) content: &'static [u8],
    pub(crate) place: u32,
}

impl Read for Given {
    fn read(reader: &mut Reader) -> Sys<Self> {
        Ok(Self {
            folders: reader.list()?,
            path: reader.text()?,
            content: reader.bytes()?,
            place: reader.word()?,
        })
    }
}

/// What may be done at a path and below, in the kernel's bits.
pub(crate) struct PathRule {
    pub(crate) path: &'static CStr,
    pub(crate) allowed: u64,
    pub(crate) place: u32,
}

impl Read for PathRule {
    fn read(reader: &mut Reader) -> Sys<Self> {
        Ok(Self { path: reader.text()?, allowed: reader.number()?, place: reader.word()? })
    }
}

/// A resource, where its limit is felt, and where it ends.
pub(crate) struct Limit {
    pub(crate) resource: u32,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

impl Read for Limit {
    fn read(reader: &mut Reader) -> Sys<Self> {
        Ok(Self { resource: reader.word()?, soft: reader.number()?, hard: reader.number()? })
    }
}

/// Landlock's rules.
pub(crate) struct Rules {
    /// Why there can be none, as an `errno`; 0 where there can.
    pub(crate) missing: i32,
    pub(crate) attributes: [u64; 3],
    pub(crate) size: usize,
    pub(crate) paths: List<PathRule>,
    /// What may be done with the sandbox's own port, in the kernel's bits.
    pub(crate) port: u64,
}

impl Read for Rules {
    fn read(reader: &mut Reader) -> Sys<Self> {
        Ok(Self {
            missing: reader.word()? as i32,
            attributes: [reader.number()?, reader.number()?, reader.number()?],
            size: reader.number()? as usize,
            paths: reader.list()?,
            port: reader.number()?,
        })
    }
}

/// Everything that there is to do.
pub(crate) struct Plan {
    pub(crate) level: Level,
    pub(crate) as_root: bool,
    /// The port of its own loopback that a socket listens on; 0 is none, and no loopback.
    pub(crate) port: u16,
    /// After how many seconds the first process gives up, should nobody watch it any more.
    pub(crate) last_resort: u32,
    pub(crate) folder: &'static CStr,
    /// `size` and `nr_inodes` of `/work` and of `/tmp`.
    pub(crate) size: &'static CStr,
    pub(crate) inodes: &'static CStr,
    pub(crate) binds: List<Bind>,
    pub(crate) links: List<Link>,
    /// Files of the root's own.
    pub(crate) own: List<Given>,
    /// Files in `/work`.
    pub(crate) given: List<Given>,
    pub(crate) rules: Rules,
    pub(crate) limits: List<Limit>,
    pub(crate) filters: List<&'static [u8]>,
    pub(crate) program: &'static CStr,
    pub(crate) arguments: Strings,
    pub(crate) environment: Strings,
}

impl Plan {
    pub(crate) fn read(reader: &mut Reader) -> Result<Self, Failure> {
        Self::of(reader).layer(Layer::Supervision)
    }

    fn of(reader: &mut Reader) -> Sys<Self> {
        Ok(Self {
            level: match reader.number()? {
                0 => Level::Full,
                1 => Level::Landlock,
                2 => Level::None,
                _ => return Err(abi::EPROTO),
            },
            as_root: reader.number()? != 0,
            port: reader.number()? as u16,
            last_resort: reader.word()?,
            folder: reader.text()?,
            size: reader.text()?,
            inodes: reader.text()?,
            binds: reader.list()?,
            links: reader.list()?,
            own: reader.list()?,
            given: reader.list()?,
            rules: Rules::read(reader)?,
            limits: reader.list()?,
            filters: reader.list()?,
            program: reader.text()?,
            arguments: reader.strings()?,
            environment: reader.strings()?,
        })
    }
}
