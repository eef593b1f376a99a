//! temporary
mod control;
mod privileges;
