//! The rules of conversations, told three ways: tables that name each rule, a plain fold to compare with, and SQL.

mod model;
mod properties;
mod rules;
mod ruling;
mod sql;
