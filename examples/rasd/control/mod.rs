//! The daemon's socket: what can be asked, and by whom.
//!
//! A request is one line of JSON, an answer lines of JSON of which the last one says that it is the last:
//! `{"end":{"rows":3}}`, or `{"error":"…"}`. So that a client knows an answer that was cut off.
//!
//! | request | answer |
//! |---|---|
//! | `{"request":"status"}` | one line: what the daemon reads, has and lost |
//! | `{"request":"query", …}` | a line for each record of the history |

pub(crate) mod answers;
mod client;
mod peer;
mod question;
mod request;
mod serve;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use client::{ClientError, ask};
pub(crate) use peer::Access;
pub(crate) use question::Question;
pub(crate) use request::{Last, MAX_REQUEST, Request, RequestError, parse};
pub(crate) use server::{Answers, Limits, Listener, Server};
