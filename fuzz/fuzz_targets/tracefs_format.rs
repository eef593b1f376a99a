#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::tracefs_text::format`.

mcekit_fuzz::target!(mcekit_fuzz::tracefs_text::format);
