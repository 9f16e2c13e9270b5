//! Limits of connections and statements: slots, admission, threads, memory, processor time and timeouts; and the signals
//! that stop them.

pub mod admission;
pub mod connection_limits;
pub mod interrupt;
pub mod memory;
pub mod per_account;
pub mod process_memory;
pub mod runtimes;
pub mod signals;
pub mod stop_flag;
pub mod throttle;
