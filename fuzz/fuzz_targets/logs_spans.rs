#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::logs::spans`.

mcekit_fuzz::target!(mcekit_fuzz::logs::spans);
