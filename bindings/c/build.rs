//! Gives the shared library its name of record, so that programs keep finding the version they were linked against. Before
//! 1.0 a minor version may change the interface, and is part of the name.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = |part| std::env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default();
    let abi = match version("MAJOR") {
        major if major == "0" => format!("0.{}", version("MINOR")),
        major => major,
    };
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match system.as_str() {
        "linux" | "freebsd" | "netbsd" | "openbsd" | "android" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,liboctollm.so.{abi}");
        }
        "macos" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/liboctollm.{abi}.dylib");
        }
        _ => {}
    }
}
