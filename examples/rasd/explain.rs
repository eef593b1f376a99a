//! What `decode` shows of a record, shared with it: the block for people, the line of JSON, colours and dates.
#![expect(
    dead_code,
    reason = "what only `decode` needs of its modules is not called here"
)]

#[path = "../decode/block.rs"]
pub(crate) mod block;
#[path = "../decode/cpu.rs"]
pub(crate) mod cpu;
#[path = "../decode/found.rs"]
pub(crate) mod found;
#[path = "../decode/judgement.rs"]
mod judgement;
#[path = "../decode/line.rs"]
pub(crate) mod line;
#[path = "../decode/memo.rs"]
mod memo;
#[path = "../decode/out.rs"]
pub(crate) mod out;
#[path = "../decode/recent.rs"]
mod recent;
#[path = "../decode/said.rs"]
pub(crate) mod said;
#[path = "../decode/style.rs"]
pub(crate) mod style;
#[path = "../decode/suspect.rs"]
pub(crate) mod suspect;
#[path = "../decode/time.rs"]
pub(crate) mod time;
#[path = "../decode/title.rs"]
pub(crate) mod title;
