//! The page as its users have it: in a real browser, over a lake that the binary made and serves.
//!
//! Debian's packages `chromium` and `chromium-driver` are the browser, `axe-core` is what judges its pages for people who
//! see or move otherwise (`tests/clients/run --install` brings it). Where they are not on the machine, [`crate::needs`]
//! says so.

mod driver;
mod exports;
mod figures;
mod hostile;
mod looks;
mod numbers;
mod people;
mod pictures;
mod session;
mod shown;
mod stage;
mod views;
mod walk;
mod wire;
mod world;
