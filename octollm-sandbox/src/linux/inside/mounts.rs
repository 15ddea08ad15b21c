//! Builds the root that the plan describes. Everything of the machine is taken as a mount of its own that hangs nowhere,
//! made read-only there, and only then hung into the new root: at no time could it be written through.

use core::ffi::CStr;

use super::abi;
use super::call::Sys;
use super::plan::{Given, Kind, List, Plan};
use super::sys;
use super::wire::{Failure, In as _};
use crate::Layer;

/// What can be shown of the machine at most.
pub(crate) const MOST: usize = 256;

const OWN: u64 = abi::MOUNT_ATTR_NOSUID | abi::MOUNT_ATTR_NODEV;

/// Takes hold of what will be shown. As the caller's user, who may see more than the one that the sandbox runs as:
/// an interpreter in a home folder, say.
pub(super) fn take(plan: &Plan, mounts: &mut [i32; MOST]) -> Result<(), Failure> {
    sys::mount_private().layer(Layer::Mounts)?;
    let mut slots = mounts.iter_mut();
    for bind in plan.binds.clone() {
        let slot = slots.next().ok_or(abi::E2BIG).place(Layer::Mounts, bind.place)?;
        let mount = sys::open_tree(bind.source).place(Layer::Mounts, bind.place)?;
        let attributes = match bind.kind {
            Kind::Device => abi::MOUNT_ATTR_RDONLY | abi::MOUNT_ATTR_NOSUID | abi::MOUNT_ATTR_NOEXEC,
            Kind::Folder | Kind::File => abi::MOUNT_ATTR_RDONLY | OWN,
        };
        sys::restrict_mount(mount, attributes, true).place(Layer::Mounts, bind.place)?;
        *slot = mount;
    }
    Ok(())
}

/// Builds the new root and goes into it. Answers a descriptor of `/work`.
pub(super) fn build(plan: &Plan, mounts: &[i32; MOST]) -> Result<i32, Failure> {
    let root = sys::tmpfs(&[(c"size", c"1m"), (c"nr_inodes", c"1024"), (c"mode", c"755")], OWN)
        .layer(Layer::Mounts)?;
    // Hung over the old root, since no other folder is sure to be there; reached by its descriptor only.
    sys::move_mount(root, abi::AT_FDCWD, c"/").layer(Layer::Mounts)?;
    let work = own_folder(root, c"work", c"700", plan)?;
    sys::close(own_folder(root, c"tmp", c"1777", plan)?);
    for (bind, mount) in plan.binds.clone().zip(mounts) {
        make_folders(root, bind.folders).place(Layer::Mounts, bind.place)?;
        let made = match bind.kind {
            Kind::Folder => sys::make_folder_at(root, bind.target, 0o755),
            Kind::File | Kind::Device => write_file(root, bind.target, &[], 0o444),
        };
        existing(made).place(Layer::Mounts, bind.place)?;
        sys::move_mount(*mount, root, bind.target).place(Layer::Mounts, bind.place)?;
        sys::close(*mount);
    }
    for link in plan.links.clone() {
        sys::link_at(link.target, root, link.name).layer(Layer::Mounts)?;
    }
    for file in plan.own.clone() {
        make_folders(root, file.folders).layer(Layer::Mounts)?;
        write_file(root, file.path, file.content, 0o444).layer(Layer::Mounts)?;
    }
    sys::change_folder_to(root).layer(Layer::Mounts)?;
    sys::pivot_here().layer(Layer::Mounts)?;
    sys::restrict_mount(root, abi::MOUNT_ATTR_RDONLY, false).layer(Layer::Mounts)?;
    sys::close(root);
    Ok(work)
}

/// A folder in memory that the command may write to, limited in size.
fn own_folder(root: i32, name: &CStr, mode: &CStr, plan: &Plan) -> Result<i32, Failure> {
    let options = [(c"size", plan.size), (c"nr_inodes", plan.inodes), (c"mode", mode)];
    let mount = sys::tmpfs(&options, OWN).layer(Layer::Mounts)?;
    sys::make_folder_at(root, name, 0o755).layer(Layer::Mounts)?;
    sys::move_mount(mount, root, name).layer(Layer::Mounts)?;
    Ok(mount)
}

/// Writes the files that the command is given.
pub(super) fn give(folder: i32, files: List<Given>) -> Result<(), Failure> {
    for file in files {
        make_folders(folder, file.folders).place(Layer::Mounts, file.place)?;
        write_file(folder, file.path, file.content, 0o644).place(Layer::Mounts, file.place)?;
    }
    Ok(())
}

/// Makes folders that lie within each other, outermost first.
fn make_folders(root: i32, mut folders: List<&'static CStr>) -> Sys<()> {
    folders.try_for_each(|folder| existing(sys::make_folder_at(root, folder, 0o755)))
}

fn write_file(folder: i32, path: &CStr, content: &[u8], mode: u32) -> Sys<()> {
    let flags = abi::O_WRONLY | abi::O_CREAT | abi::O_EXCL | abi::O_NOFOLLOW;
    let file = sys::open_at(folder, path, flags, mode)?;
    let written = sys::write_all(file, content);
    sys::close(file);
    written
}

/// What is there already is as good.
fn existing(made: Sys<()>) -> Sys<()> {
    match made {
        Err(abi::EEXIST) => Ok(()),
        other => other,
    }
}
