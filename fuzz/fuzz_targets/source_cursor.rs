#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::source::cursor`.

mcekit_fuzz::target!(mcekit_fuzz::source::cursor);
