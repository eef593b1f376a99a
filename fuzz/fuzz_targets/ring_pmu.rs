#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::ring::pmu`.

mcekit_fuzz::target!(mcekit_fuzz::ring::pmu);
