//! Number of seats for connections, by how many descriptors the process may have open.

/// Descriptors for everything but clients of the HTTP interface: the database and its readers, the broker, logs.
const RESERVED: usize = 56;
/// Fewest connections that are taken, however few descriptors there are.
const FEWEST: usize = 4;
/// Most spare seats.
const SPARE_MAX: usize = 64;

/// Ordinary and spare seats, of so many connections that are wished for.
pub(super) fn places(wished: usize, descriptors: usize) -> (usize, usize) {
    let spare = (wished / 16).clamp(1, SPARE_MAX);
    let room = descriptors.saturating_sub(RESERVED);
    if room >= wished + spare {
        return (wished, spare);
    }
    let spare = (room / 8).clamp(2, SPARE_MAX);
    let ordinary = room.saturating_sub(spare).clamp(FEWEST, wished.max(FEWEST));
    tracing::warn!(descriptors, connections = ordinary, wished, "few descriptors (ulimit -n): fewer connections");
    (ordinary.min(wished), spare)
}
