//! Durations as the job format writes them.
