#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::source::journal_stream`.

mcekit_fuzz::target!(mcekit_fuzz::source::journal_stream);
