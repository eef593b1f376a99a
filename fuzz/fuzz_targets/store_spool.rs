#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::store::spool`.

mcekit_fuzz::target!(mcekit_fuzz::store::spool);
