//! Writes a plan down for the first process, in the order in which `inside::plan` reads it.

use std::ffi::CString;

use super::inside::plan::Kind;
use super::plan::{Given, Plan};
use crate::Level;

#[derive(Default)]
struct Packed(Vec<u8>);

impl Packed {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_ne_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }

    fn text(&mut self, text: &CString) {
        self.bytes(text.as_bytes_with_nul());
    }

    fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for each in items {
            item(self, each);
        }
    }

    /// With room for a pointer to each, and for the one at the end.
    fn strings(&mut self, texts: &[CString]) {
        self.number(texts.len() as u64);
        self.0.resize(self.0.len() + (texts.len() + 1) * 8, 0);
        texts.iter().for_each(|text| self.text(text));
    }

    fn given(&mut self, file: &Given<'_>) {
        self.list(&file.folders, Self::text);
        self.text(&file.path);
        self.bytes(file.content);
        self.number(u64::from(file.place));
    }
}

/// The plan as one piece of memory.
pub(super) fn pack(plan: &Plan<'_>) -> Vec<u8> {
    let mut packed = Packed::default();
    packed.number(match plan.level {
        Level::Full => 0,
        Level::Landlock => 1,
        Level::None => 2,
    });
    packed.number(u64::from(plan.as_root));
    packed.number(u64::from(plan.port));
    packed.number(u64::from(plan.last_resort));
    packed.text(&plan.folder);
    root(&mut packed, plan);
    packed.list(&plan.files, Packed::given);
    rules(&mut packed, plan);
    packed.list(&plan.limits, |packed, (resource, soft, hard)| {
        [u64::from(*resource), *soft, *hard].into_iter().for_each(|number| packed.number(number));
    });
    packed.list(&plan.filters, |packed, filter| packed.bytes(&instructions(filter)));
    packed.text(&plan.program);
    packed.strings(&plan.arguments);
    packed.strings(&plan.environment);
    packed.0
}

fn root(packed: &mut Packed, plan: &Plan<'_>) {
    let layout = &plan.layout;
    packed.text(&layout.size);
    packed.text(&layout.inodes);
    packed.list(&layout.binds, |packed, bind| {
        packed.text(&bind.source);
        packed.text(&bind.target);
        packed.list(&bind.folders, Packed::text);
        packed.number(match bind.kind {
            Kind::Folder => 0,
            Kind::File => 1,
            Kind::Device => 2,
        });
        packed.number(u64::from(bind.place));
    });
    packed.list(&layout.links, |packed, (target, name)| {
        packed.text(target);
        packed.text(name);
    });
    packed.list(&layout.files, Packed::given);
}

fn rules(packed: &mut Packed, plan: &Plan<'_>) {
    let rules = &plan.rules;
    packed.number(rules.missing as u64);
    rules.attributes.into_iter().for_each(|number| packed.number(number));
    packed.number(rules.size as u64);
    packed.list(&rules.rules, |packed, rule| {
        packed.text(&rule.path);
        packed.number(rule.allowed);
        packed.number(u64::from(rule.place));
    });
    packed.number(rules.port);
}

/// A filter as the kernel reads it: eight bytes for each instruction.
fn instructions(filter: &[seccompiler::sock_filter]) -> Vec<u8> {
    filter
        .iter()
        .flat_map(|one| {
            let [a, b] = one.code.to_ne_bytes();
            let [c, d, e, f] = one.k.to_ne_bytes();
            [a, b, one.jt, one.jf, c, d, e, f]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;
    use crate::linux::inside::plan::{Plan as Read, Reader};
    use crate::{Command, Sandbox};

    fn read(words: &mut [u64], length: usize) -> Option<Read> {
        // SAFETY: the memory is writable, aligned to eight bytes and kept until the end of the test.
        Read::read(&mut unsafe { Reader::new(words.as_mut_ptr().cast(), length) }).ok()
    }

    fn packed() -> Vec<u64> {
        let command =
            Command::new("/bin/sh").arguments(["-c", "true"]).file("a/b/c", "content").variable("A", "b");
        let sandbox = Sandbox::default();
        let plan = Plan::new(&sandbox, &command, None).unwrap();
        pack(&plan).chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect()
    }

    #[test]
    fn what_is_packed_is_read() {
        let mut words = packed();
        let length = words.len() * 8;
        let plan = read(&mut words, length).unwrap();
        assert_eq!((plan.level, plan.port, plan.program), (Level::Full, 0, c"/bin/sh"));
        let given = plan.given.clone().next().unwrap();
        let folders: Vec<&CStr> = given.folders.collect();
        assert_eq!((given.path, given.content, folders), (c"a/b/c", &b"content"[..], vec![c"a", c"a/b"]));
        assert_eq!(plan.filters.clone().count(), 5);
        assert!(plan.binds.clone().any(|bind| bind.target == c"usr" && bind.kind == Kind::Folder));
        // SAFETY: a list of terminated strings with a null pointer at the end, in `words`.
        let arguments: Vec<_> =
            unsafe { (0..3).map(|at| CStr::from_ptr(*plan.arguments.add(at)).to_owned()).collect() };
        assert_eq!(arguments, [c"/bin/sh".to_owned(), c"-c".to_owned(), c"true".to_owned()]);
        // SAFETY: as above.
        assert!(unsafe { *plan.arguments.add(3) }.is_null());
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        for words in 0..packed().len() {
            assert!(read(&mut packed(), words * 8).is_none(), "{words}");
        }
    }
}
