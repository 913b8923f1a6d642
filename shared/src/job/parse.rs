//! The parser of a submitted job.
