#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::ring::shared`.

mcekit_fuzz::target!(mcekit_fuzz::ring::shared);
