#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::source::replay`.

mcekit_fuzz::target!(mcekit_fuzz::source::replay);
