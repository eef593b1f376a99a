#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::tracefs_text::print`.

mcekit_fuzz::target!(mcekit_fuzz::tracefs_text::print);
