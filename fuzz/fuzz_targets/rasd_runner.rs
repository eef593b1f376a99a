#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::rasd::runner`.

mcekit_fuzz::target!(mcekit_fuzz::rasd::runner);
