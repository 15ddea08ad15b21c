//! Builds the sandbox's first process, a program without libraries, which the crate carries within itself: the same on
//! every machine, in a Python wheel as in a server. Where it cannot be built (no linker for the target), the crate is built
//! without it and forks instead, which costs more in a large process and nothing in safety.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=init");
    println!("cargo::rerun-if-changed=src/linux/inside");
    println!("cargo::rerun-if-changed=src/layer.rs");
    println!("cargo::rerun-if-changed=src/level.rs");
    println!("cargo::rustc-check-cfg=cfg(has_init)");
    let of_target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if of_target("OS") != "linux" || !matches!(of_target("ARCH").as_str(), "x86_64" | "aarch64") {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("octollm-init");
    match build(&out, of_target("ENV") == "musl") {
        Ok(()) => println!("cargo::rustc-cfg=has_init"),
        Err(why) => println!("cargo::warning=the sandbox will fork: its first process was not built: {why}"),
    }
}

fn build(out: &Path, musl: bool) -> Result<(), String> {
    let mut rustc = Command::new(variable("RUSTC")?);
    rustc.args(["init/main.rs", "--crate-name", "octollm_init", "--crate-type", "bin", "--edition", "2024"]);
    rustc.args(["-C", "opt-level=s", "-C", "panic=abort", "-C", "codegen-units=1", "-C", "strip=symbols"]);
    // At a fixed address: nobody would relocate it, and nothing of what it reads is a stranger's.
    rustc.args(["-C", "relocation-model=static", "-C", "overflow-checks=no", "-C", "force-unwind-tables=no"]);
    rustc.args(["-C", "link-args=-nostartfiles -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack"]);
    if musl {
        rustc.args(["-C", "link-self-contained=no"]);
    }
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut flag = OsString::from("linker=");
        flag.push(linker);
        rustc.arg("-C").arg(flag);
    }
    rustc.arg("--target").arg(variable("TARGET")?).arg("-o").arg(out);
    let output = rustc.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(said.lines().take(3).collect::<Vec<_>>().join("; ")) }
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("{name} is not set"))
}
