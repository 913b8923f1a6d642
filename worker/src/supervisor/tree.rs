//! The processes below this one.

use std::collections::BTreeMap;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpid};

/// A process: its number and its group.
#[derive(Clone, Copy, Debug)]
struct Member {
    pid: Pid,
    group: Pid,
}

/// Sends a signal to the group that `leader` leads, and to every process below this one that is not in it. Without a
/// leader to every process below: its number may belong to others already.
pub(super) fn signal(leader: Option<Pid>, with: Signal) {
    // The group first, since it is signalled in one go.
    if let Some(leader) = leader {
        killpg(leader, with).ok();
    }
    for member in members().into_iter().filter(|member| Some(member.group) != leader) {
        // One that has ended meanwhile needs no signal.
        kill(member.pid, with).ok();
    }
}

/// All descendants. Those whose parents have ended are our children, so nobody escapes by that.
fn members() -> Vec<Member> {
    let mut children: BTreeMap<Pid, Vec<Member>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = std::fs::read(entry.path().join("stat")).unwrap_or_default();
        let Some((parent, group)) = read_stat(&stat) else { continue };
        children.entry(parent).or_default().push(Member { pid: Pid::from_raw(pid), group });
    }
    let mut found = children.remove(&getpid()).unwrap_or_default();
    let mut at = 0;
    while let Some(member) = found.get(at).copied() {
        found.extend(children.remove(&member.pid).unwrap_or_default());
        at += 1;
    }
    found
}

/// Parent and group from `pid (name) state parent group …`; the name may hold anything.
fn read_stat(stat: &[u8]) -> Option<(Pid, Pid)> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace().skip(1);
    let mut next = || fields.next()?.parse().ok().map(Pid::from_raw);
    Some((next()?, next()?))
}
