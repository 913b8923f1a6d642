//! The session layer against a real broker: one test for each trap of the client library.

mod smoke;
