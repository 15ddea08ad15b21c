//! Builds the root that `layout` describes, in the child. Everything of the machine is taken as a mount of its own that
//! hangs nowhere, made read-only there, and only then hung into the new root: at no time could it be written through.

use std::ffi::CStr;

use libc::{c_int, c_uint};

use super::layout::{Kind, Layout};
use super::message::{Failure, In as _};
use super::plan::Given;
use super::sys::{self, Sys};
use crate::Layer;

const OWN: u64 = sys::MOUNT_ATTR_NOSUID | sys::MOUNT_ATTR_NODEV;

/// Takes hold of what will be shown. As the caller's user, who may see more than the one that the sandbox runs as:
/// an interpreter in a home folder, say.
pub(super) fn take(layout: &Layout, mounts: &mut [c_int]) -> Result<(), Failure> {
    sys::mount_private().layer(Layer::Mounts)?;
    for (bind, slot) in layout.binds.iter().zip(mounts) {
        let mount = sys::open_tree(&bind.source).place(Layer::Mounts, bind.place)?;
        let attributes = match bind.kind {
            Kind::Device => sys::MOUNT_ATTR_RDONLY | sys::MOUNT_ATTR_NOSUID | sys::MOUNT_ATTR_NOEXEC,
            Kind::Folder | Kind::File => sys::MOUNT_ATTR_RDONLY | OWN,
        };
        sys::restrict_mount(mount, attributes, true).place(Layer::Mounts, bind.place)?;
        *slot = mount;
    }
    Ok(())
}

/// Builds the new root and goes into it. Answers a descriptor of `/work`.
pub(super) fn build(layout: &Layout, mounts: &[c_int]) -> Result<c_int, Failure> {
    let root = sys::tmpfs(&[(c"size", c"1m"), (c"nr_inodes", c"1024"), (c"mode", c"755")], OWN)
        .layer(Layer::Mounts)?;
    // Hung over the old root, since no other folder is sure to be there; reached by its descriptor only.
    sys::move_mount(root, libc::AT_FDCWD, c"/").layer(Layer::Mounts)?;
    let work = own_folder(root, c"work", c"700", layout)?;
    close_later(own_folder(root, c"tmp", c"1777", layout)?);
    for (bind, mount) in layout.binds.iter().zip(mounts) {
        for folder in &bind.folders {
            existing(sys::make_folder_at(root, folder, 0o755)).place(Layer::Mounts, bind.place)?;
        }
        let made = match bind.kind {
            Kind::Folder => sys::make_folder_at(root, &bind.target, 0o755),
            Kind::File | Kind::Device => write_file(root, &bind.target, &[], 0o444),
        };
        existing(made).place(Layer::Mounts, bind.place)?;
        sys::move_mount(*mount, root, &bind.target).place(Layer::Mounts, bind.place)?;
    }
    for (target, name) in &layout.links {
        sys::link_at(target, root, name).layer(Layer::Mounts)?;
    }
    for (path, content) in &layout.files {
        existing(sys::make_folder_at(root, c"etc", 0o755)).layer(Layer::Mounts)?;
        write_file(root, path, content.as_bytes(), 0o444).layer(Layer::Mounts)?;
    }
    sys::change_folder_to(root).layer(Layer::Mounts)?;
    sys::pivot_here().layer(Layer::Mounts)?;
    sys::restrict_mount(root, sys::MOUNT_ATTR_RDONLY, false).layer(Layer::Mounts)?;
    Ok(work)
}

/// A folder in memory that the command may write to, limited in size.
fn own_folder(root: c_int, name: &CStr, mode: &CStr, layout: &Layout) -> Result<c_int, Failure> {
    let options = [(c"size", &*layout.size), (c"nr_inodes", &*layout.inodes), (c"mode", mode)];
    let mount = sys::tmpfs(&options, OWN).layer(Layer::Mounts)?;
    sys::make_folder_at(root, name, 0o755).layer(Layer::Mounts)?;
    sys::move_mount(mount, root, name).layer(Layer::Mounts)?;
    Ok(mount)
}

/// Descriptors are all closed before the program starts; nothing is gained by closing one sooner.
fn close_later(_: c_int) {}

/// Writes the files that the command is given.
pub(super) fn give(folder: c_int, files: &[Given<'_>]) -> Result<(), Failure> {
    for file in files {
        for above in &file.folders {
            existing(sys::make_folder_at(folder, above, 0o755)).place(Layer::Mounts, file.place)?;
        }
        write_file(folder, &file.path, file.content, 0o644).place(Layer::Mounts, file.place)?;
    }
    Ok(())
}

fn write_file(folder: c_int, path: &CStr, content: &[u8], mode: c_uint) -> Sys<()> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
    let file = sys::open_at(folder, path, flags, mode)?;
    let written = sys::write_all(file, content);
    sys::close(file);
    written
}

/// What is there already is as good.
fn existing(made: Sys<()>) -> Sys<()> {
    match made {
        Err(libc::EEXIST) => Ok(()),
        other => other,
    }
}
