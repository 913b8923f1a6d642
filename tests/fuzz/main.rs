//! Every parser of what others send, against what mutation makes of good inputs. Nothing may panic, hang, or disagree
//! with what it says elsewhere. The filter language and the frames of the broker have theirs beside their code.
//!
//! `WARRENER_TEST_FUZZ=60 cargo test -p warrener-tests --test fuzz` goes on for 60 s with each.

mod messages;
mod mutate;
mod texts;
