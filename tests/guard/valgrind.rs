//! Counting by callgrind.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

pub(crate) fn is_there() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Instructions inside of [`under_the_glass`] while this program runs a path.
pub(crate) fn count(path: &str) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*under_the_glass*"])
        .arg(std::env::current_exe()?)
        .args(["run", path])
        .env("GLIBC_TUNABLES", PLAIN)
        .stdin(Stdio::null())
        .output()
        .context("running valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{path}: valgrind ended with {}: {said}", output.status);
    }
    let counted = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    match counted {
        None | Some(0) => bail!("{path}: valgrind counted nothing: {said}"),
        Some(count) => Ok(count),
    }
}

/// What is counted. By its name callgrind knows it; whatever it calls is counted with it.
#[inline(never)]
pub(crate) fn under_the_glass<T>(work: impl FnOnce() -> T) -> T {
    // Not a tail call, in which callgrind would not see the end.
    std::hint::black_box(work())
}

/// The C library copies and compares with what every processor of this kind has, not with what this one has.
const PLAIN: &str = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI2,-RTM";
