#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::rasd::marks`.

mcekit_fuzz::target!(mcekit_fuzz::rasd::marks);
